/**
 * A training step of X-CLIP, measured: dispatches, submits, host time beside the time of the whole step, memory as estimated, planned and counted.
 *
 *   node engine/setup/run.mjs bench/step.ts --preset B/32 --batch 1
 *   node engine/setup/run.mjs bench/step.ts --preset tiny --batch 16 --classes 120 --profile
 */
import { parseArgs } from 'node:util';
import { estimate, type FloatType, formatBytes, type Gpu, open } from '../engine/index.ts';
import { PRESETS } from '../model/config.ts';
import { trainingStep, type StepShape } from './training_step.ts';

const { values } = parseArgs({
  options: {
    preset: { type: 'string', default: 'tiny' },
    batch: { type: 'string', default: '1' },
    classes: { type: 'string', default: '400' },
    steps: { type: 'string', default: '10' },
    'train-text': { type: 'boolean', default: false },
    recompute: { type: 'boolean', default: false },
    precision: { type: 'string', default: 'f32' },
    estimate: { type: 'boolean', default: false },
    profile: { type: 'boolean', default: false },
  },
});

function shapeOf(): StepShape {
  const { preset } = values;
  if (!(preset in PRESETS)) throw new RangeError(`--preset ${preset}: known are ${Object.keys(PRESETS).join(', ')}`);
  return { preset: preset as StepShape['preset'], batch: count('batch'), classes: count('classes'), trainText: values['train-text'], recompute: values.recompute, precision: precisionOf(values.precision) };
}

function precisionOf(text: string): FloatType {
  if (text !== 'f32' && text !== 'f16') throw new RangeError(`--precision ${text}: known are f32, f16`);
  return text;
}

function count(name: 'batch' | 'classes' | 'steps'): number {
  const number = Number(values[name]);
  if (!Number.isInteger(number) || number < 1) throw new RangeError(`--${name} ${values[name]}: must be a whole number of at least 1`);
  return number;
}

const median = (numbers: readonly number[]) => [...numbers].sort((a, b) => a - b)[numbers.length >> 1];

function row(name: string, value: string): void {
  console.log(`${name.padEnd(28)} ${value}`);
}

/** What the step would take, and by what. */
function planned(gpu: Gpu, shape: StepShape): void {
  const { resident, stepBytes, totalBytes, dispatches } = estimate(gpu, () => void trainingStep(gpu, shape).captured.run());
  row('dispatches', `${dispatches}, set-up included`);
  row('estimate', formatBytes(totalBytes));
  for (const [label, bytes] of [...resident].sort(([, a], [, b]) => b - a).slice(0, 6)) row(`  ${label}`, formatBytes(bytes));
  row('  activations', formatBytes(stepBytes));
}

async function measured(gpu: Gpu, shape: StepShape, steps: number): Promise<void> {
  const { captured, dispose } = trainingStep(gpu, shape);
  gpu.pool.trim();
  captured.run();
  await gpu.sync();
  const before = { ...gpu.counts };
  const host: number[] = [];
  const whole: number[] = [];
  for (let i = 0; i < steps; i++) {
    const start = performance.now();
    captured.run();
    host.push(performance.now() - start);
    await gpu.sync();
    whole.push(performance.now() - start);
  }
  const after = { ...gpu.counts };
  const start = performance.now();
  for (let i = 0; i < steps; i++) captured.run();
  await gpu.sync();
  const inARow = (performance.now() - start) / steps;
  const per = (key: keyof typeof before) => (after[key] - before[key]) / steps;
  const { plannedBytes, leastBytes, slabs } = captured.plan;
  row('dispatches per step', `${per('dispatches')}`);
  row('submits per step', `${per('submits')}, readback included`);
  row('buffers, bind groups made', `${per('buffersCreated')}, ${per('bindGroupsCreated')}`);
  row('host time per step', `${median(host).toFixed(2)} ms, ${((100 * median(host)) / median(whole)).toFixed(1)} % of the step`);
  row('step', `${median(whole).toFixed(1)} ms, ${((1000 * shape.batch) / median(whole)).toFixed(2)} clips/s`);
  row('steps without waiting', `${inARow.toFixed(1)} ms each: encoding overlaps`);
  row('planned for activations', `${formatBytes(plannedBytes)} in ${slabs} slabs; no plan can take less than ${formatBytes(leastBytes)}`);
  row('counted, all buffers', formatBytes(gpu.pool.reserved));
  if (values.profile) await profile(gpu, () => void captured.run());
  dispose();
}

/** The kernels that take most of the step. */
async function profile(gpu: Gpu, run: () => void): Promise<void> {
  const byKernel = new Map<string, { dispatches: number; nanoseconds: number }>();
  let total = 0;
  for (const { kernel, nanoseconds } of await gpu.profile(run)) {
    const { dispatches, nanoseconds: before } = byKernel.get(kernel) ?? { dispatches: 0, nanoseconds: 0 };
    byKernel.set(kernel, { dispatches: dispatches + 1, nanoseconds: before + nanoseconds });
    total += nanoseconds;
  }
  console.log('\n| kernel | dispatches | ms | share |\n|---|---|---|---|');
  for (const [kernel, { dispatches, nanoseconds }] of [...byKernel].sort(([, a], [, b]) => b.nanoseconds - a.nanoseconds).slice(0, 20)) {
    console.log(`| ${kernel} | ${dispatches} | ${(nanoseconds / 1e6).toFixed(2)} | ${((100 * nanoseconds) / total).toFixed(1)} % |`);
  }
}

const shape = shapeOf();
await using gpu = await open();
row('adapter', gpu.name);
row('step of', `X-CLIP ${shape.preset}, ${shape.batch} clips of 8 frames, ${shape.classes} texts${shape.trainText ? ' that learn' : ''}${shape.recompute ? ', recompute' : ''}, ${shape.precision}`);
planned(gpu, shape);
if (!values.estimate) await measured(gpu, shape, count('steps'));
