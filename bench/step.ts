/**
 * A training step of X-CLIP, measured: dispatches, submits, host time beside the time of the whole step, memory as estimated, planned and
 * counted, and the kernels that take most of it.
 *
 *   npm run bench -- --step --preset B/32 --batch 1
 *   npm run bench -- --step --preset tiny --batch 16 --classes 120 --profile
 */
import type { ArgsDef } from 'citty';
import { estimate, type FloatType, formatBytes, type Gpu, open } from '../engine/index.ts';
import { rooms } from '../kernels/index.ts';
import { PRESETS } from '../model/config.ts';
import type { Flags } from '../train/cli/flags.ts';
import { median } from './statistics.ts';
import { markdownTable, percent } from './table.ts';
import { trainingStep, type StepShape } from './training_step.ts';

export const STEP_ARGS = {
  preset: { type: 'string', default: 'tiny', description: `with --step: ${Object.keys(PRESETS).join(', ')}` },
  batch: { type: 'string', default: '1', description: 'with --step: clips' },
  classes: { type: 'string', default: '400', description: 'with --step: texts that each clip is compared with' },
  steps: { type: 'string', default: '10', description: 'with --step: how many are measured' },
  'train-text': { type: 'boolean', description: 'with --step: the text tower learns' },
  recompute: { type: 'boolean', description: 'with --step: activations are computed again on the way back' },
  precision: { type: 'string', default: 'f32', description: 'with --step: f32 or f16' },
  estimate: { type: 'boolean', description: 'with --step: tell what the step would take, without running it' },
  profile: { type: 'boolean', description: 'with --step: the ten kernels that take most of it' },
} as const satisfies ArgsDef;

function shapeOf(flags: Flags): StepShape {
  return {
    preset: flags.oneOf('preset', Object.keys(PRESETS) as (keyof typeof PRESETS)[]),
    batch: flags.whole('batch', 1) ?? 1,
    classes: flags.whole('classes', 1) ?? 1,
    trainText: flags.is('train-text'),
    recompute: flags.is('recompute'),
    precision: flags.oneOf<FloatType>('precision', ['f32', 'f16']),
  };
}

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

async function measured(gpu: Gpu, shape: StepShape, steps: number, isProfiled: boolean): Promise<void> {
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
  if (isProfiled) await profile(gpu, () => void captured.run());
  dispose();
}

/** How many kernels a profile shows. */
const SHOWN = 10;

/** The page of the room that a kernel belongs to; the engine's for its own. `kernel` is as profiles name it: `gelu.vec4.quick_gelu.only`. */
export function pageOf(kernel: string): string {
  const room = rooms.find(({ kernels }) => kernels.some(({ name }) => kernel.startsWith(`${name}.`)));
  return room === undefined ? '[engine](../engine/README.md)' : `[${room.name}](../kernels/${room.name}/README.md)`;
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
  const costly = [...byKernel].sort(([, a], [, b]) => b.nanoseconds - a.nanoseconds).slice(0, SHOWN);
  const lines = costly.map(([kernel, { dispatches, nanoseconds }]) => [kernel, pageOf(kernel), String(dispatches), (nanoseconds / 1e6).toFixed(2), percent(nanoseconds / total)]);
  row('on the GPU, profiled', `${(total / 1e6).toFixed(1)} ms in ${byKernel.size} kernels`);
  console.log(`\n${markdownTable(['kernel', 'room', 'dispatches', 'ms', 'share'], lines)}`);
}

/** Measures the step that the flags describe. */
export async function benchStep(flags: Flags): Promise<number> {
  const shape = shapeOf(flags);
  await using gpu = await open();
  row('adapter', gpu.name);
  row('step of', `X-CLIP ${shape.preset}, ${shape.batch} clips of 8 frames, ${shape.classes} texts${shape.trainText ? ' that learn' : ''}${shape.recompute ? ', recompute' : ''}, ${shape.precision}`);
  planned(gpu, shape);
  if (!flags.is('estimate')) await measured(gpu, shape, flags.whole('steps', 1) ?? 1, flags.is('profile'));
  return 0;
}
