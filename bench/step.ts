/**
 * Models on random numbers, measured: the forward pass, and a training step as the recipe has it.
 *
 *   npm run bench -- --step                                   X-CLIP tiny, B/32 and B/16, and the other systems
 *   npm run bench -- --step --preset B/32 --batch 4 --trace step.json
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ArgsDef } from 'citty';
import { type CapturedStep, estimate, FirstlightError, type FloatType, formatBytes, type Gpu, type KernelTime,
  open } from '../engine/index.ts';
import { tuned } from '../kernels/tuned.ts';
import { hasTexts, presetsOf } from '../model/systems/config.ts';
import type { Flags } from '../train/cli/flags.ts';
import { SYSTEM } from '../model/systems/title.ts';
import { resultsFolder, writeResults } from './results.ts';
import { measureRoofs } from './roofs/here.ts';
import { arithmeticRoof, type Roofs, roofsText } from './roofs/index.ts';
import { type KernelShare, kernelShareTable, sharesOf } from './shares.ts';
import { type Spread, spreadOf } from './statistics.ts';
import { digits, duration, percent } from '../train/log/table.ts';
import { chromeTrace } from './trace.ts';
import { framesOf, STEP_SYSTEMS, stepFlops, trainingStep, type StepShape } from './training_step.ts';

export const STEP_ARGS = {
  system: { type: 'string', description: `with --step: one of ${STEP_SYSTEMS.join(', ')}` },
  preset: { type: 'string',
    description:
      'with --step: one of those of the system; without both X-CLIP tiny, B/32 and B/16, and the others as published' },
  batch: { type: 'string',
    description: 'with --step: clips; without it 16 for tiny, on a GPU 8 for B/32 and 4 for B/16, 1 otherwise' },
  classes: { type: 'string', default: '400', description: 'with --step: texts that each clip is compared with' },
  steps: { type: 'string', default: '10', description: 'with --step: how many are measured, fewer if they take long' },
  'train-text': { type: 'boolean', description: 'with --step: the text tower learns' },
  recompute: { type: 'boolean', description: 'with --step: activations are computed again on the way back' },
  precision: { type: 'string', default: 'f32', description: 'with --step: f32 or f16' },
  estimate: { type: 'boolean', description: 'with --step: tell what the step would take, without running it' },
  trace: { type: 'string', description: 'with --step: write one step to this file, for chrome://tracing' },
} as const satisfies ArgsDef;

/**
 * What is measured when nothing is said, and with how many clips: on a GPU as many as PyTorch is measured with. Other
 * presets take one.
 */
export const CLIPS: Readonly<Record<string, Readonly<Record<Gpu['kind'], number>>>> = {
  tiny: { software: 16, hardware: 16 },
  'B/32': { software: 1, hardware: 8 },
  'B/16': { software: 1, hardware: 4 },
};
/** Milliseconds that the measured runs of a pass may take together, beyond the first. */
const PATIENCE = 15_000;
/**
 * Runs before the first that is measured. A step is gone through again at powers of two (see `CapturedStep`), which
 * steps of some ms would show.
 */
const UNMEASURED = { software: 1, hardware: 32 } as const;
/** How many kernels a profile shows. */
const SHOWN = 10;

/** A pass, measured. */
export interface StepRow extends StepShape {
  readonly pass: 'forward' | 'training step';
  /** Milliseconds from the call until the GPU is done, and those of them that the host takes to encode. */
  readonly wall: Spread;
  readonly host: Spread;
  /** Milliseconds of a pass when they are not waited for one by one. */
  readonly inARow: number;
  readonly clipsPerSecond: number;
  readonly dispatches: number;
  readonly submits: number;
  /** Buffers and bind groups that a replayed pass makes. */
  readonly made: number;
  readonly estimatedBytes: number;
  /** Of all buffers, at most, weights and moments included. */
  readonly peakBytes: number;
  readonly flops: number;
  /** Operations a second by the roof of f32, or by that of matrix units for tensors in f16. */
  readonly ofTheRoof: number;
  /** The kernels that take most of it. */
  readonly kernels: readonly KernelShare[];
}

/** What the file of results holds. */
export interface StepResults {
  readonly roofs: Roofs;
  readonly rows: readonly StepRow[];
}

/** What is measured when nothing is said. */
const MODELS: readonly (readonly [NonNullable<StepShape['system']>, string])[] = [
  ...Object.keys(CLIPS).map((preset) => ['xclip', preset] as const),
  ['clip-mean', 'B/32'],
  ['clip-joint', 'B/32'],
  ['tsm', 'R50'],
  ['timesformer', 'B/16'],
  ['video-swin', 'B'],
];

/** Whether all that is published is measured. */
const isWhole = (flags: Flags) =>
  ['system', 'preset'].every((name) => flags.text(name) === undefined) && !flags.is('estimate');

/** The model that is asked for; of a system alone its first preset. */
function modelFrom(flags: Flags): readonly [NonNullable<StepShape['system']>, string] {
  const system = flags.text('system') === undefined ? 'xclip' : flags.oneOf('system', STEP_SYSTEMS);
  const presets = presetsOf(system);
  const preset = flags.text('preset') === undefined ? presets[0] : flags.oneOf('preset', presets);
  return [system, preset];
}

function shapesOf(flags: Flags, kind: Gpu['kind']): readonly StepShape[] {
  const models = ['system', 'preset'].every((name) => flags.text(name) === undefined)
    ? MODELS.filter(([system]) => !flags.is('train-text') || hasTexts(system))
    : [modelFrom(flags)];
  return models.map(([system, preset]) => ({
    system,
    preset,
    batch: flags.whole('batch', 1) ?? CLIPS[preset]?.[kind] ?? 1,
    classes: flags.whole('classes', 1) ?? 1,
    trainText: flags.is('train-text'),
    recompute: flags.is('recompute'),
    precision: flags.oneOf<FloatType>('precision', ['f32', 'f16']),
  }));
}

/** What a system is called on pages. */
export const systemTitle = (system: StepShape['system'] = 'xclip'): string => SYSTEM[system];

function line(name: string, value: string): void {
  console.log(`${name.padEnd(28)} ${value}`);
}

function titleOf(
  { system = 'xclip', preset, frames, batch, classes, trainText, recompute, precision }: StepShape,
): string {
  return `${systemTitle(system)} ${preset}, ${batch} ${batch === 1 ? 'clip' : 'clips'} of ${
    frames ?? framesOf(system, preset)
  } frames, ${classes} ${hasTexts(system) ? 'texts' : 'classes'}${trainText ? ' that learn' : ''}${
    recompute ? ', recompute' : ''
  }, ${precision}`;
}

/** What the step would take, and by what. */
function planned(gpu: Gpu, shape: StepShape): number {
  const { resident, stepBytes, totalBytes, dispatches } = estimate(gpu,
    () => void trainingStep(gpu, shape).captured.run());
  line('estimate of a step', `${formatBytes(totalBytes)}, ${dispatches} dispatches with set-up`);
  for (const [label, bytes] of [...resident].sort(([, a], [, b]) => b - a).slice(0, 6)) {
    line(`  ${label}`, formatBytes(bytes));
  }
  line('  activations', formatBytes(stepBytes));
  return totalBytes;
}

/** Runs a pass, first to build its kernels, then again and again, and once in a profile. */
async function measured(gpu: Gpu, captured: CapturedStep<[], unknown>, steps: number): Promise<
  Pick<StepRow, 'wall' | 'host' | 'inARow' | 'dispatches' | 'submits' | 'made'> & {
    readonly times: readonly KernelTime[];
  }
> {
  for (let i = 0; i < UNMEASURED[gpu.kind]; i++) captured.run();
  await gpu.sync();
  const before = { ...gpu.counts };
  const [host, wall]: [number[], number[]] = [[], []];
  const began = performance.now();
  while (wall.length === 0 || (wall.length < steps && performance.now() - began < PATIENCE)) {
    const start = performance.now();
    captured.run();
    host.push(performance.now() - start);
    await gpu.sync();
    wall.push(performance.now() - start);
  }
  const after = { ...gpu.counts };
  const start = performance.now();
  for (let i = 0; i < wall.length; i++) captured.run();
  await gpu.sync();
  const inARow = (performance.now() - start) / wall.length;
  const per = (key: keyof typeof before) => (after[key] - before[key]) / wall.length;
  const times = gpu.features.has('timestamp-query') ? await gpu.profile(() => void captured.run()) : [];
  return { wall: spreadOf(wall), host: spreadOf(host), inARow, dispatches: per('dispatches'), submits: per('submits'),
    made: per('buffersCreated') + per('bindGroupsCreated'), times };
}

function print(row: StepRow): void {
  const { pass, batch, wall, host, inARow, clipsPerSecond, dispatches, submits, made, peakBytes, flops, ofTheRoof } =
    row;
  console.log('');
  line(pass,
    `${duration(wall.median * 1e6)} (quartiles ${digits(wall.low)} to ${digits(wall.high)} ms of ${wall.count}), ${
      digits(clipsPerSecond)
    } clips/s`);
  line('  without waiting',
    `${duration(inARow * 1e6)} each, ${digits((1000 * batch) / inARow)} clips/s: encoding overlaps`);
  line('  host', `${duration(host.median * 1e6)}, ${percent(host.median / wall.median)} of it`);
  line('  dispatches, submits', `${dispatches}, ${submits} with the readback; ${made} buffers and bind groups made`);
  line('  arithmetic',
    `${digits(flops / 1e9)} GFLOP, ${digits(flops / 1e6 / wall.median)} GFLOP/s, ${percent(ofTheRoof)} of the roof`);
  line('  all buffers, at most', formatBytes(peakBytes));
  if (row.kernels.length === 0) return;
  console.log(`\n${kernelShareTable(row.kernels)}`);
}

/** Measures the passes that the flags describe. @param command as it was typed */
export async function benchStep(flags: Flags, command: string): Promise<number> {
  await using machine = await open();
  const shapes = shapesOf(flags, machine.kind);
  const trace = flags.text('trace');
  if (trace !== undefined && shapes.length > 1) {
    throw new FirstlightError('FL_FLAG', '--trace writes the step of one model', {}, 'say which: --preset B/32');
  }
  const roofs = await measureRoofs(machine);
  line('adapter', machine.name);
  line('roofs, measured here', roofsText(roofs));
  const rows: StepRow[] = [];
  for (const shape of shapes) {
    console.log(`\n${titleOf(shape)}`);
    rows.push(...(await benchShape(shape)));
  }
  const path = flags.text('json') ?? (isWhole(flags) ? join(resultsFolder(machine), 'step.json') : undefined);
  if (path !== undefined && rows.length > 0) {
    writeResults<StepResults>(path, 'step', machine, command, { roofs, rows });
    console.log(`\nwrote ${path}`);
  }
  return 0;

  /** A model in a context of its own, so that what is counted is its own. */
  async function benchShape(shape: StepShape): Promise<readonly StepRow[]> {
    await using gpu = await open({ tuning: tuned });
    const estimatedBytes = planned(gpu, shape);
    if (flags.is('estimate')) return [];
    const { forward, captured, randomise, dispose } = trainingStep(gpu, shape);
    randomise();
    const flops = stepFlops(gpu, shape);
    const roof = arithmeticRoof(roofs, shape.precision);
    const passes = [['forward', forward, flops.forward], ['training step', captured, flops.step]] as const;
    const made: StepRow[] = [];
    for (const [pass, step, work] of passes) {
      const { times, ...result } = await measured(gpu, step, flags.whole('steps', 1) ?? 1);
      const row: StepRow = {
        ...shape,
        pass,
        ...result,
        clipsPerSecond: (1000 * shape.batch) / result.wall.median,
        estimatedBytes,
        peakBytes: gpu.pool.peakReserved,
        flops: work,
        ofTheRoof: work / 1e6 / result.wall.median / roof,
        kernels: sharesOf(times).slice(0, SHOWN),
      };
      step.dispose();
      gpu.pool.trim();
      print(row);
      made.push(row);
      if (trace !== undefined && pass === 'training step') {
        writeFileSync(trace, chromeTrace(times, titleOf(shape), gpu.name));
        console.log(`\nwrote ${trace}: ${times.length} dispatches`);
      }
    }
    dispose();
    return made;
  }
}
