/**
 * What training steps ask of the device, counted: what no clock is needed for, and what is the same on every run.
 *
 *   npm run bench -- --counts                   writes counts.json beside the other results of this adapter
 *   npm run bench -- --counts --compare FILE    what became more since FILE; exit status 1 if anything did
 */
import { join } from 'node:path';
import { commandsOf, estimate, type Gpu, open } from '../engine/index.ts';
import { markdownTable } from '../train/log/table.ts';
import { readResults, resultsFolder, writeResults } from './results.ts';
import { type StepShape, trainingStep } from './training_step.ts';

/** Counts of one step. */
export interface StepCounts {
  readonly name: string;
  readonly dispatches: number;
  /** Dispatches of them that lay operands into textures. */
  readonly packings: number;
  /** Programs that differ. */
  readonly programs: number;
  /** Bytes that all dispatches together are given, and that are copied or cleared. */
  readonly bytesGiven: number;
  /** Bytes of memory at the worst moment, weights and moments included. */
  readonly bytesHeld: number;
  /** Of a replay, readback included; where a step is small enough to run. */
  readonly submits?: number;
  /** Buffers, textures, bind groups and pipelines that a replay makes. */
  readonly allocations?: number;
}

/** What the file holds. */
export interface CountResults {
  readonly rows: readonly StepCounts[];
}

const KIND = 'counts';
const FILE = 'counts.json';

const base: StepShape = { preset: 'tiny', batch: 16, classes: 120, trainText: false, recompute: false,
  precision: 'f32' };
/** Steps that are counted. */
const SHAPES: readonly (readonly [string, StepShape])[] = [
  ['tiny', base],
  ['tiny, recompute', { ...base, recompute: true }],
  ['tiny, texts that learn', { ...base, trainText: true }],
  ['B/32', { ...base, preset: 'B/32', batch: 1, classes: 400 }],
  ['B/16', { ...base, preset: 'B/16', batch: 1, classes: 400 }],
  ['CLIP-Joint B/32', { ...base, system: 'clip-joint', preset: 'B/32', batch: 1, classes: 400 }],
];
const RUN: StepShape = { ...base, batch: 2, classes: 5 };

/** Counts of a step that does not run. */
export function countsOf(gpu: Gpu, name: string, shape: StepShape): StepCounts {
  const [commands] = commandsOf(gpu, () => void trainingStep(gpu, shape).captured.run());
  const dispatches = commands.flatMap((command) => (command.kind === 'dispatch' ? [command] : []));
  const bytesOf = (command: (typeof commands)[number]) =>
    command.kind === 'dispatch' ? command.bindings.reduce((sum, { bytes }) => sum + bytes, 0) : command.bytes;
  return {
    name,
    dispatches: dispatches.length,
    packings: dispatches.filter(({ label }) => label.startsWith('pack_panels')).length,
    programs: new Set(dispatches.map(({ program }) => program.code)).size,
    bytesGiven: commands.reduce((sum, command) => sum + bytesOf(command), 0),
    bytesHeld: estimate(gpu, () => void trainingStep(gpu, shape).captured.run()).totalBytes,
  };
}

/** Counts of a step that runs, and is replayed. */
export async function countsOfReplay(gpu: Gpu): Promise<StepCounts> {
  const counts = countsOf(gpu, 'tiny, 2 clips, replayed', RUN);
  const { captured, dispose } = trainingStep(gpu, RUN);
  captured.run();
  await gpu.sync();
  const { dispatches: _, submits, ...made } = { ...gpu.counts };
  captured.run();
  await gpu.sync();
  const after = { ...gpu.counts };
  dispose();
  const allocations = (Object.keys(made) as (keyof typeof made)[]).reduce((sum, key) => sum + after[key] - made[key],
    0);
  return { ...counts, submits: after.submits - submits, allocations };
}

const NAMES = ['dispatches', 'packings', 'programs', 'bytesGiven', 'bytesHeld', 'submits', 'allocations'] as const;

/** A count that is another one than before. */
export interface CountChange {
  readonly step: string;
  readonly count: (typeof NAMES)[number];
  readonly before: number;
  readonly now: number;
}

/** As files of results keep numbers: six digits. */
const kept = (count: number | undefined) => (count === undefined ? undefined : Number(count.toPrecision(6)));

/** Counts that differ, of steps that both have. */
export function changesOf(before: readonly StepCounts[], now: readonly StepCounts[]): readonly CountChange[] {
  return now.flatMap((row) => {
    const old = before.find(({ name }) => name === row.name);
    return NAMES.flatMap((count) => {
      const [was, is] = [kept(old?.[count]), kept(row[count])];
      return was === undefined || is === undefined || was === is
        ? []
        : [{ step: row.name, count, before: was, now: is }];
    });
  });
}

/** @returns the exit code: 1 if anything is more than in the file that it is compared with */
export async function benchCounts(
  options: { readonly compare?: string; readonly json?: string; readonly command: string },
): Promise<number> {
  const earlier = options.compare === undefined ? undefined : readResults<CountResults>(options.compare, KIND);
  await using gpu = await open();
  const rows = [...SHAPES.map(([name, shape]) => countsOf(gpu, name, shape)), await countsOfReplay(gpu)];
  console.log(
    markdownTable(['step', ...NAMES], rows.map((
      row,
    ) => [row.name, ...NAMES.map((name) => row[name] === undefined ? '' : row[name].toLocaleString('en'))])),
  );
  if (earlier === undefined || options.json !== undefined) {
    const path = options.json ?? join(resultsFolder(gpu), FILE);
    writeResults<CountResults>(path, KIND, gpu, options.command, { rows });
    console.log(`\nwrote ${path}`);
  }
  if (earlier === undefined) return 0;
  if (earlier.environment.adapter !== gpu.name) {
    // which variants run, and what sums are cut into, is the adapter's
    console.log(`\ncounts of ${earlier.environment.adapter} say nothing of ${gpu.name}: nothing is compared`);
    return 0;
  }
  const changes = changesOf(earlier.rows, rows);
  for (const { step, count, before, now } of changes) {
    console.log(`${now > before ? 'more' : 'less'}  ${step}: ${count} ${before} → ${now}`);
  }
  const isMore = changes.some(({ before, now }) => now > before);
  console.log(isMore ? '\nmore than before' : `\nno more than before, ${changes.length} less`);
  return isMore ? 1 : 0;
}
