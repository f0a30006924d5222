import { type StepShape, trainingStep } from '../bench/training_step.ts';
import { open } from '../engine/index.ts';
import { tuned } from '../kernels/tuned.ts';
const preset = (process.argv[2] ?? 'B/32') as StepShape['preset'];
const shape: StepShape = { preset, batch: 1, classes: 400, trainText: false, recompute: false, precision: 'f32' };
const both = await Promise.all([open({ tuning: tuned }),
  open({ tuning: tuned, without: ['readonly_and_readwrite_storage_textures'] })]);
const steps = both.map((gpu) => trainingStep(gpu, shape));
const times: number[][] = [[], []];
for (let round = 0; round < Number(process.argv[3] ?? 4); round++) {
  for (const [i, gpu] of both.entries()) {
    const start = process.cpuUsage();
    const wall = performance.now();
    steps[i].captured.run();
    await gpu.sync();
    const { user, system } = process.cpuUsage(start);
    if (round > 0) times[i].push((user + system) / 1e6);
    console.log(preset, i === 0 ? 'textures' : 'memory', 'cpu', ((user + system) / 1e6).toFixed(2), 'wall',
      ((performance.now() - wall) / 1000).toFixed(2));
  }
}
const best = times.map((own) => Math.min(...own));
console.log('ratio', (best[1] / best[0]).toFixed(2), 'median',
  (times[1].sort((a, b) => a - b)[times[1].length >> 1] / times[0].sort((a, b) => a - b)[times[0].length >> 1]).toFixed(
    2,
  ));
process.exit(0);
