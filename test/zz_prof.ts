import { backward, open, Tensor } from '../engine/index.ts';
import { convolution } from '../kernels/convolution/index.ts';
import { linear } from '../kernels/matmul/index.ts';
const gpu = await open();
const [f, s, c, o, k, st] = (process.argv[2] ?? '2,28,128,128,3,1').split(',').map(Number);
const rounds = Number(process.argv[3] ?? 10);
const filled = (shape: number[]) => {
  const n = shape.reduce((a, b) => a * b);
  return Tensor.from(gpu, Float32Array.from({ length: n }, (_, i) => ((i * 7919) % 1000) / 1000 - 0.5), shape);
};
const pad = (k - 1) / 2;
const y = Math.floor((s + 2 * pad - k) / st) + 1;
const M = f * y * y, K = k * k * c;
const x = filled([f, s, s, c]), w = filled([o, k, k, c]), lx = filled([M, K]), lw = filled([o, K]),
  dy = filled([f, y, y, o]), ldy = filled([M, o]);
for (const t of [x, w, lx, lw]) t.requiresGrad = true;
const best = new Map<string, number>();
for (let r = 0; r < rounds; r++) {
  for (const side of ['conv', 'linear']) {
    const times = await gpu.profile(() => {
      const out = side === 'conv' ? convolution(x, w, { stride: st, padding: pad }) : linear(lx, lw);
      backward(out, side === 'conv' ? dy : ldy);
      out.dispose();
    });
    for (const p of [x, w, lx, lw]) {
      p.grad?.dispose();
      p.grad = undefined;
    }
    const seen = new Map<string, number>();
    times.forEach((t: any) => {
      const name = t.kernel + (t.kernel.startsWith('pack') ? t.program.slice(-40) : '');
      const n = (seen.get(name) ?? 0) + 1;
      seen.set(name, n);
      const key = `${side} ${name} ${n}`;
      best.set(key, Math.min(best.get(key) ?? Infinity, t.nanoseconds / 1e6));
    });
    if (r === 0 && side === 'conv') console.log(JSON.stringify(times[0]));
  }
}
for (const [k, v] of best) console.log(k.padEnd(50), v);
await gpu.close();
