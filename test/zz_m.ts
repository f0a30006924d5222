import { backward, noGrad, open, Tensor } from '../engine/index.ts';
import { partitionOf } from '../kernels/shared/partition.ts';
import { selfAttention, windowAttention } from '../kernels/attention/index.ts';
const gpu = await open();
const turns = Number(process.argv[2] ?? 9);
const cases: [string, number[], number[], number[], number][] = [
  ['49', [1, 1, 42, 42, 128], [1, 7, 7], [0, 3, 3], 4],
  ['98', [1, 4, 28, 28, 128], [2, 7, 7], [1, 3, 3], 4],
  ['392', [1, 16, 14, 14, 128], [8, 7, 7], [4, 3, 3], 4],
  ['392b', [2, 8, 28, 28, 64], [8, 7, 7], [4, 3, 3], 2],
];
for (const [name, shape, window, shift, H] of cases) {
  const p = partitionOf(shape, { window, shift });
  const mk = (s: number[], std = 1) =>
    Tensor.from(gpu, Float32Array.from({ length: s.reduce((a, b) => a * b) }, () => std * (Math.random() * 2 - 1)), s);
  const qkv = mk([p.windows, p.tokens, 3 * shape[4]]);
  const table = mk([p.full.reduce((a, f) => a * (2 * f - 1), 1), H]);
  qkv.requiresGrad = true;
  table.requiresGrad = true;
  const dy = mk([p.windows, p.tokens, shape[4]]);
  const run = (bias: boolean) => bias ? windowAttention(qkv, table, H, p) : selfAttention(qkv, H);
  const clear = () => {
    for (const t of [qkv, table]) {
      t.grad?.dispose();
      t.grad = undefined;
    }
  };
  const done = async (t: Tensor) => {
    const a = t.alias([1]);
    await a.read();
    a.dispose();
  };
  const time = async (bias: boolean, grad: boolean) => {
    let y!: Tensor;
    if (grad) {
      y = run(bias);
      await done(y);
    }
    const t = process.cpuUsage();
    const w = performance.now();
    if (grad) {
      backward(y, dy);
      await done(bias ? table.grad! : qkv.grad!);
      clear();
      y.dispose();
    } else {
      y = noGrad(() => run(bias));
      await done(y);
      y.dispose();
    }
    const c = process.cpuUsage(t);
    return [performance.now() - w, (c.user + c.system) / 1000];
  };
  for (const grad of [false, true]) {
    for (const b of [false, true]) await time(b, grad);
    const all: number[][][] = [[], []];
    for (let r = 0; r < turns; r++) for (const i of [0, 1]) all[i].push(await time(i === 1, grad));
    const stat = (i: number, j: number, q: number) =>
      all[i].map((x) => x[j]).sort((a, b) => a - b)[Math.floor(q * (turns - 1))];
    const show = (j: number) => [0, .25, .5].map((q) => (stat(0, j, q) / stat(1, j, q)).toFixed(3)).join(' ');
    console.log(name, p.windows, 'windows', p.kinds.length, 'kinds', grad ? 'gradient' : 'forward ', 'without',
      stat(0, 1, 0).toFixed(1), 'ms CPU, with', stat(1, 1, 0).toFixed(1), '| least, quartile, median: wall', show(0),
      'CPU', show(1));
  }
}
process.exit(0);
