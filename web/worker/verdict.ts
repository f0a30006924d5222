/**
 * The verdict on edited WGSL: does it compile, does this case still agree with float64, and, only if it does, how fast
 * is it beside the original. Each step is passed before the next is tried, so that nothing runs without bounds that was
 * not seen to end, and nothing is timed that is wrong.
 */
import { FirstlightError, type FloatType, type Gpu, KernelCompileError, KernelSourceError, open,
  type Program } from '../../engine/index.ts';
import type { Contexts } from '../../kernels/checking/check_room.ts';
import { compare, compareCase, type Comparison, expected, type Expected,
  firstDifference } from '../../kernels/checking/comparison.ts';
import { usage, variantsOf } from '../../kernels/checking/lookup.ts';
import { type Dispatch, disposeOf, recordCase, type Recorded, type Results, resultsOf,
  runCase } from '../../kernels/checking/run_case.ts';
import { asRunBy, chosenRun, dispatchesOf, type Run } from '../../kernels/checking/runs.ts';
import type { Direction } from '../../kernels/programs.ts';
import type { Case, Room } from '../../kernels/shared/room.ts';
import { compileCounted } from './counted.ts';
import type { CaseChoice, Edits, Stage } from './protocol.ts';
import { inTurns, type Work } from './timing.ts';
import type { Place, Verdict } from './verdict_text.ts';

/** What a verdict is asked on. */
export interface Question {
  readonly room: Room;
  readonly item: Case;
  /** A variant, or a whole run; what the adapter takes by itself if omitted. */
  readonly variant?: string;
  readonly type: FloatType;
  readonly edits: Edits;
  /** Texts of the original, where they are not as they were written. */
  readonly original?: Edits;
}

/** Turns of a loop, in one call of its function, after which an edit is thought to be endless. */
const MOST_TURNS = 1 << 14;
/** An edit may make so many times the turns that the original makes. */
const MARGIN = 16;
/** … and be off by so many times what the original is off by, where that misses the tolerance. */
const LIKE_THE_ORIGINAL = 2;

/**
 * The verdict on a question. Edits have contexts of their own, which are closed when it is there.
 *
 * @param original gives the context that the edits are timed against
 * @param tell called when a step is begun
 */
export async function verdictOn(question: Question, original: Contexts,
  tell: (stage: Stage) => void = () => undefined): Promise<Verdict> {
  const { room, item, variant, type, edits, original: originalEdits = {} } = question;
  const gpu = await original.current();
  gpu.requireType(type);
  const reason = item.skip?.(gpu);
  if (reason !== undefined) throw usage(`"${item.name}" cannot run here: ${reason}`, 'choose another case');
  const chosen = chosenRun(gpu, room, item, type, variant);
  const written = dispatchesOf(gpu, item, chosen, type);
  tell('compile');
  await using edited = await open({ edits });
  try {
    const dispatches = dispatchesOf(edited, item, chosen, type);
    const changed = changedIn(dispatches, written);
    if (changed.length === 0) {
      return { kind: 'unused', files: Object.keys(edits), elsewhere: elsewhere(question, gpu, edited) };
    }
    const fault = await compileFault(edited, changed);
    if (fault !== undefined) return fault;
    const trial: Trial = { item: asRunBy(ranBy(written), item), chosen, type, original: gpu };
    tell('check');
    const found = await guardedFault(trial, edits, originalEdits);
    if (found !== undefined) return found;
    tell('time');
    return await timed(trial, edited, [...new Set(changed.map(({ direction }) => direction))]);
  } catch (error) {
    const verdict = verdictOf(error);
    if (verdict === undefined) throw error;
    return verdict;
  }
}

/** A case and a variant whose programs have an edited file, the case that was asked for before others. */
function elsewhere({ room, item, type }: Question, gpu: Gpu, edited: Gpu): CaseChoice | undefined {
  for (const each of new Set([item, ...room.cases])) {
    if (each.skip?.(gpu) !== undefined) continue;
    for (const variant of [undefined, ...variantsOf(gpu, room, type)]) {
      const dispatchesOn = (on: Gpu) => dispatchesOf(on, each, chosenRun(gpu, room, each, type, variant), type);
      try {
        if (changedIn(dispatchesOn(edited), dispatchesOn(gpu)).length > 0) return { case: each.name, variant };
      } catch (error) {
        // the case has no such run; or the edit does not even fit its launch, and so is part of it
        if (!(error instanceof FirstlightError)) throw error;
        if (error.code !== 'FL_USAGE') return { case: each.name, variant };
      }
    }
  }
  return undefined;
}

/** A case in one way to run it. */
interface Trial {
  readonly item: Case;
  readonly chosen: Run;
  readonly type: FloatType;
  /** The context of the original. */
  readonly original: Gpu;
}

function ranBy(dispatches: readonly Dispatch[]): Run {
  return new Map(dispatches.map(({ kernel, variant }) => [kernel, { variant, sizes: {} }]));
}

const programOf = ({ command }: Dispatch): Program => command.built.program;

/** Dispatches whose program is not the original's. */
function changedIn(dispatches: readonly Dispatch[], written: readonly Dispatch[]): readonly Dispatch[] {
  return dispatches.filter((dispatch, i) =>
    written[i] === undefined || programOf(written[i]).code !== programOf(dispatch).code
  );
}

/** The first error that the compiler finds in the programs, without making pipelines of them. */
async function compileFault({ device }: Gpu, dispatches: readonly Dispatch[]): Promise<Verdict | undefined> {
  const programs = new Map(dispatches.map((dispatch) => [programOf(dispatch).code, programOf(dispatch)]));
  device.pushErrorScope('validation');
  const infos = [...programs].map(([code]) =>
    device.createShaderModule({ label: 'edited', code }).getCompilationInfo()
  );
  void device.popErrorScope();
  for (const [i, { locate }] of [...programs.values()].entries()) {
    const first = (await infos[i]).messages.find(({ type }) => type === 'error');
    if (first === undefined) continue;
    return { kind: 'compile', message: first.message, place: placeOf(`${locate(first.lineNum)}:${first.linePos}`) };
  }
  return undefined;
}

/** The place that an error names: `layernorm/layernorm.wgsl:19:12`. */
function placeOf(where: unknown): Place | undefined {
  const [, file, line, column] = /^([^:]+):(\d+):(\d+)$/.exec(String(where)) ?? [];
  return file === undefined ? undefined : { file, line: Number(line), column: Number(column) };
}

/** What an error of the edited texts means; undefined for one that is not theirs. */
function verdictOf(error: unknown): Verdict | undefined {
  if (!(error instanceof FirstlightError)) return undefined;
  if (error.code === 'FL_DEVICE_LOST' || error.code === 'FL_STEP_TIMEOUT') return undefined;
  const { message, hint, context: { where } } = error;
  if (error instanceof KernelCompileError || error instanceof KernelSourceError) {
    const place = placeOf(where);
    const prefix = `${String(where)}: `;
    return { kind: 'compile', place,
      message: place === undefined ? message : message.slice(message.indexOf(prefix) + prefix.length) };
  }
  return { kind: 'refused', sentence: message, ...(hint !== undefined && { hint }) };
}

/** What was seen of a case whose loops are counted. */
interface Guarded {
  readonly results: Results;
  /** Bindings that were written outside of, by a kernel or by the end of a loop's turns. */
  readonly broken: readonly string[];
}

/** Runs a case with a counter in every loop, in memory with guards. */
async function guarded({ item, chosen, type }: Omit<Trial, 'original'>, edits: Edits, most: number,
  tellsOfTurns = true): Promise<Guarded> {
  await using gpu = await open({ edits, guard: true });
  compileCounted(gpu, most, { tellsOfTurns });
  await gpu.compile(() => recordCase(gpu, item, chosen, type));
  const recorded = recordCase(gpu, item, chosen, type);
  nameByBindings(recorded);
  const results = await resultsOf(gpu, item, recorded);
  disposeOf(recorded);
  return { results, broken: [...new Set(await gpu.pool.brokenGuards())] };
}

/** Calls what kernels write by the names of the WGSL: most tensors are called after what they were made of. */
function nameByBindings({ dispatches }: Recorded): void {
  for (const { command: { built, resources } } of dispatches) {
    for (const resource of resources) {
      if (resource.kind !== 'read_write') continue;
      const binding = built.program.bindings.find(({ index }) => index === resource.index);
      resource.storage.label = binding?.name ?? resource.storage.label;
    }
  }
}

/** What keeps an edit from being run without bounds. */
async function guardedFault(trial: Trial, edits: Edits, original: Edits): Promise<Verdict | undefined> {
  for (let most = MOST_TURNS;; most *= MARGIN) {
    const { results, broken } = await guarded(trial, edits, most);
    if (broken.length === 0) return wrong(await judged(trial, results));
    const outside = (await guarded(trial, edits, most, false)).broken;
    if (outside.length > 0) return outOfBounds(outside);
    // maybe not only the edit needs so many turns
    if ((await guarded(trial, original, most / MARGIN)).broken.length === 0) return endless(most);
  }
}

function outOfBounds(tensors: readonly string[]): Verdict {
  return { kind: 'refused',
    sentence: `it writes out of bounds: outside of ${tensors.map((name) => `"${name}"`).join(', ')}`,
    hint: 'compare an index with the number of elements before it is written to' };
}

function endless(most: number): Verdict {
  const turns = most.toLocaleString('en-US');
  return { kind: 'refused', sentence: `a loop does not end: it made ${turns} turns`,
    hint: `the original needs less than ${(most / MARGIN).toLocaleString('en-US')} in this case` };
}

/**
 * The results of an edit against float64. Tolerances are for the cases of tests: in a workload, or on an adapter that
 * adds in another order, the original may miss them as well. The edit may then be off by a little more than that.
 */
async function judged({ item, chosen, type, original }: Trial, results: Results): Promise<readonly Comparison[]> {
  const all = expected(item, results, type);
  const comparisons = all.map(compare);
  if (comparisons.every(({ isRight }) => isRight)) return comparisons;
  const own = compareCase(item, await runCase(original, item, chosen, type), type);
  return all.map((each, i) => (own[i].isRight ? comparisons[i] : compare(loosened(each, own[i]))));
}

/** What is expected, with room for an error like the original's. */
function loosened(each: Expected, { worst: { error, allowed } }: Comparison): Expected {
  const share = error / allowed;
  if (!Number.isFinite(share)) return each;
  const { atol, rtol, why } = each.tolerance;
  return { ...each,
    tolerance: { atol: LIKE_THE_ORIGINAL * share * atol, rtol: LIKE_THE_ORIGINAL * share * rtol,
      why: `${why}; and here the original is off by ${share.toFixed(1)} times that` } };
}

/** The first result that is wrong. */
function wrong(comparisons: readonly Comparison[]): Verdict | undefined {
  const found = comparisons.find(({ isRight }) => !isRight);
  if (found === undefined) return undefined;
  const { what, worst: { index, got, want } } = found;
  return { kind: 'wrong', what, index, got, want, comparisons };
}

/** The last word on an edit that ends and stays in its tensors. */
async function timed(trial: Trial, edited: Gpu, directions: readonly Direction[]): Promise<Verdict> {
  const after = await prepare(edited, trial);
  // once more, as it is timed: what lanes do at the same time may come out otherwise without counters
  const comparisons = await judged(trial, after.results);
  const fault = wrong(comparisons);
  if (fault !== undefined) return fault;
  const before = await prepare(trial.original, trial);
  try {
    const times = await inTurns(launches(before, directions), launches(after, directions));
    return { kind: 'right', comparisons, directions, ...times,
      equalBits: firstDifference(before.results, after.results) === undefined };
  } finally {
    disposeOf(before.recorded);
  }
}

/** A case on the GPU, that can be launched again. */
interface Prepared {
  readonly gpu: Gpu;
  readonly recorded: Recorded;
  readonly results: Results;
}

async function prepare(gpu: Gpu, { item, chosen, type }: Trial): Promise<Prepared> {
  await gpu.compile(() => recordCase(gpu, item, chosen, type));
  const recorded = recordCase(gpu, item, chosen, type);
  return { gpu, recorded, results: await resultsOf(gpu, item, recorded) };
}

/** The dispatches of a case, launched as they were the first time. */
function launches({ gpu, recorded }: Prepared, directions: readonly Direction[]): Work {
  const commands = recorded.dispatches.filter(({ direction }) => directions.includes(direction));
  return { gpu, work: () => commands.forEach(({ command }) => gpu.append(command)) };
}
