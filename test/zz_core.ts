import { backward, open, Tensor } from '../engine/index.ts';
import { convolution } from '../kernels/convolution/index.ts';
import { linear } from '../kernels/matmul/index.ts';
const gpu = await open();
const [f, s, c, o, k, st] = (process.argv[2] ?? '1,28,128,128,3,1').split(',').map(Number);
const rounds = Number(process.argv[3] ?? 10);
const only = (process.argv[4] ?? 'forward,dx,dw').split(',');
const filled = (shape: number[]) => {
  const n = shape.reduce((a, b) => a * b);
  return Tensor.from(gpu, Float32Array.from({ length: n }, (_, i) => ((i * 7919) % 1000) / 1000 - 0.5), shape);
};
const pad = (k - 1) / 2;
const y = Math.floor((s + 2 * pad - k) / st) + 1;
const M = f * y * y, K = k * k * c;
const x = filled([f, s, s, c]), w = filled([o, k, k, c]), lx = filled([M, K]), lw = filled([o, K]),
  dy = filled([f, y, y, o]), ldy = filled([M, o]);
const out: string[] = [];
const clear = () => {
  for (const p of [x, w, lx, lw]) {
    p.grad?.dispose();
    p.grad = undefined;
  }
};
for (const what of only) {
  const best = [Infinity, Infinity], js = [Infinity, Infinity];
  for (let r = 0; r < rounds; r++) {
    for (const side of [0, 1]) {
      const [px, pw] = side === 0 ? [x, w] : [lx, lw];
      px.requiresGrad = what === 'dx';
      pw.requiresGrad = what === 'dw';
      const fwd = () => side === 0 ? convolution(x, w, { stride: st, padding: pad }) : linear(lx, lw);
      let work: () => void;
      let done = () => {};
      if (what === 'forward') work = () => fwd().dispose();
      else {
        const t = fwd();
        work = () => {
          backward(t, side === 0 ? dy : ldy, { retainGraph: true });
          clear();
        };
        done = () => t.dispose();
      }
      work();
      await gpu.sync();
      for (let i = 0; i < 3; i++) {
        const cpu0 = process.cpuUsage();
        const t0 = performance.now();
        work();
        work();
        js[side] = Math.min(js[side], (performance.now() - t0) / 2);
        const cpu = cpu0;
        await gpu.sync();
        const u = process.cpuUsage(cpu);
        best[side] = Math.min(best[side], (u.user + u.system) / 2000);
      }
      done();
    }
  }
  out.push(
    `${what} ${(best[1] / best[0]).toFixed(2)} (${best[0].toFixed(1)}/${best[1].toFixed(1)}; js ${js[0].toFixed(2)}/${
      js[1].toFixed(2)
    })`,
  );
}
console.log(process.argv[2], out.join('  '));
await gpu.close();
