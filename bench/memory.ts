/**
 * Memory of a training step of X-CLIP: as estimated before anything is taken, as planned, and as counted once all
 * buffers exist. Nothing runs, so that sizes of hours of work are known in seconds.
 *
 *   node engine/setup/run.mjs bench/memory.ts
 */
import { estimate, type Gpu, open } from '../engine/index.ts';
import { type StepShape, trainingStep } from './training_step.ts';

const gib = (bytes: number) => `${(bytes / 2 ** 30).toFixed(bytes < 2 ** 30 ? 3 : 2)}`;

/** Clips per step, by preset; with the 400 class names of Kinetics-400. */
const BATCHES = { tiny: [4, 16, 64], 'B/32': [1, 4, 8], 'B/16': [1, 2, 4] } as const;

const shapes: StepShape[] = Object.entries(BATCHES).flatMap(([preset, batches]) =>
  batches.flatMap((batch) =>
    [false, true].map((recompute) => ({ preset: preset as keyof typeof BATCHES, batch, classes: 400, trainText: false,
      recompute, precision: 'f32' as const })
    )
  )
);
const withText: StepShape[] = [false, true].map((recompute) => ({ preset: 'B/16', batch: 2, classes: 400,
  trainText: true, recompute, precision: 'f32' })
);

async function row(shape: StepShape): Promise<string> {
  await using gpu = await open();
  const { totalBytes: estimated } = estimate(gpu, () => void trainingStep(gpu, shape).captured.run());
  const { reserved, plannedBytes, leastBytes, slabs } = counted(gpu, shape);
  const { preset, batch, trainText, recompute } = shape;
  const error = `${(100 * (estimated / reserved - 1)).toFixed(1)} %`.replace('-0.0', '0.0').replace('-', '−');
  return `| ${preset} | ${batch} | ${trainText ? 'learns' : 'frozen'} | ${recompute ? 'yes' : ''} | ${
    gib(estimated)
  } | ${gib(reserved)} | ${error} | ${gib(plannedBytes)} in ${slabs} | ${gib(leastBytes)} |`;
}

/** Takes all memory of a step and gives it back. */
function counted(gpu: Gpu, shape: StepShape) {
  const { captured, dispose } = trainingStep(gpu, shape);
  gpu.pool.trim();
  captured.prepare();
  const result = { reserved: gpu.pool.peakReserved, ...captured.plan };
  dispose();
  return result;
}

console.log(
  '| model | clips | text | recompute | estimate, GiB | counted, GiB | error | planned for activations | no plan below |\n|---|---|---|---|---|---|---|---|---|',
);
for (const shape of [...shapes, ...withText]) console.log(await row(shape));
