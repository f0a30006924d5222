import { backward, open, Tensor } from '../engine/index.ts';
import { partitionOf } from '../kernels/shared/partition.ts';
import { selfAttention, windowAttention } from '../kernels/attention/index.ts';
const gpu = await open();
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
  const least = new Map<string, number>();
  for (let r = 0; r < 7; r++) {
    for (const bias of [false, true]) {
      table.write(new Float32Array(table.size).fill(r));
      const times = await gpu.profile(() =>
        gpu.scope(() => backward(bias ? windowAttention(qkv, table, H, p) : selfAttention(qkv, H), dy))
      );
      for (const { kernel, nanoseconds } of times as any) {
        const k = (bias ? 'with    ' : 'without ') + kernel;
        least.set(k, Math.min(least.get(k) ?? 1e18, nanoseconds));
      }
      for (const t of [qkv, table]) {
        t.grad?.dispose();
        t.grad = undefined;
      }
    }
  }
  console.log('--', name, p.windows, 'windows', p.kinds.length, 'kinds');
  for (const [k, t] of least) console.log('  ', k, (t / 1e6).toFixed(2));
}
process.exit(0);
