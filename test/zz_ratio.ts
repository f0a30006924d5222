import { backward, open, Tensor } from '../engine/index.ts';
import { convolution } from '../kernels/convolution/index.ts';
import { linear } from '../kernels/matmul/index.ts';
const gpu = await open();
const want = process.argv[2] ?? '';
const rounds = Number(process.argv[3] ?? 7);
const only = (process.argv[4] ?? 'forward,dx,dw,both').split(',');
const SHAPES: [string, number, number, number, number, number, number][] = [
  // name, frames, size, in, out, kernel, stride
  ['56 x 64', 1, 56, 64, 64, 3, 1],
  ['28 x 128', 2, 28, 128, 128, 3, 1],
  ['14 x 256', 4, 14, 256, 256, 3, 1],
  ['7 x 512', 8, 7, 512, 512, 3, 1],
  ['56 x 128 by 2', 1, 56, 128, 128, 3, 2],
  ['28 x 256 by 2', 2, 28, 256, 256, 3, 2],
  ['14 x 512 by 2', 4, 14, 512, 512, 3, 2],
  ['stem', 1, 224, 4, 64, 7, 2],
  ['1x1 56 64-256', 1, 56, 64, 256, 1, 1],
  ['1x1 by 2 56 256-512', 1, 56, 256, 512, 1, 2],
  ['one 28 x 128', 1, 28, 128, 128, 3, 1],
  ['one 14 x 256', 1, 14, 256, 256, 3, 1],
  ['one 7 x 512', 1, 7, 512, 512, 3, 1],
];
const filled = (shape: number[]) => {
  const n = shape.reduce((a, b) => a * b);
  return Tensor.from(gpu, Float32Array.from({ length: n }, (_, i) => ((i * 7919) % 1000) / 1000 - 0.5), shape);
};
async function timed(work: () => unknown) {
  const cpu = process.cpuUsage();
  const t = performance.now();
  work();
  await gpu.sync();
  const c = process.cpuUsage(cpu);
  return [(c.user + c.system) / 1000, performance.now() - t];
}
for (const [name, f, s, c, o, k, st] of SHAPES) {
  if (!name.includes(want)) continue;
  const pad = (k - 1) / 2;
  const y = Math.floor((s + 2 * pad - k) / st) + 1;
  const M = f * y * y, K = k * k * c;
  const x = filled([f, s, s, c]), w = filled([o, k, k, c]), lx = filled([M, K]), lw = filled([o, K]),
    dy = filled([f, y, y, o]), ldy = filled([M, o]);
  const grads = (on: string[]) => {
    for (const [n, t] of Object.entries({ x, w, lx, lw })) t.requiresGrad = on.includes(n);
  };
  const pairs = { forward: [[], []], dx: [['x'], ['lx']], dw: [['w'], ['lw']],
    both: [['x', 'w'], ['lx', 'lw']] } as Record<string, [string[], string[]]>;
  const best: Record<string, number[]> = {};
  const one = async (what: string, side: number) => {
    grads(pairs[what][side]);
    let y!: Tensor;
    const forward = () => {
      y = side === 0 ? convolution(x, w, { stride: st, padding: pad }) : linear(lx, lw);
    };
    const f = await timed(forward);
    let b = f;
    if (what !== 'forward') b = await timed(() => backward(y, side === 0 ? dy : ldy));
    y.dispose();
    for (const p of [x, w, lx, lw]) {
      p.grad?.dispose();
      p.grad = undefined;
    }
    return b;
  };
  for (let r = 0; r <= rounds; r++) {
    for (const what of Object.keys(pairs)) {
      if (!only.includes(what)) {
        best[what] = [1, 1, 1, 1];
        continue;
      }
      const [a, b] = [await one(what, 0), await one(what, 1)];
      if (r === 0) {
        best[what] = [Infinity, Infinity, Infinity, Infinity];
        continue;
      }
      best[what] = [Math.min(best[what][0], a[0]), Math.min(best[what][1], b[0]), Math.min(best[what][2], a[1]),
        Math.min(best[what][3], b[1])];
    }
  }
  const show = (what: string) =>
    only.includes(what)
      ? `${what} cpu ${(best[what][1] / best[what][0]).toFixed(2)} wall ${
        (best[what][3] / best[what][2]).toFixed(2)
      } (${best[what][0].toFixed(1)} / ${best[what][1].toFixed(1)} ms cpu)  `
      : '';
  console.log(name.padEnd(20), Object.keys(pairs).map(show).join(''));
  for (const t of [x, w, lx, lw, dy, ldy]) t.dispose();
}
await gpu.close();
