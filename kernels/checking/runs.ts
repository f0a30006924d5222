/**
 * The runs of a case: of each kernel that it dispatches the candidate that runs, found out without compiling or running
 * anything.
 */
import { type Candidate, candidateText, type FloatType, type Gpu } from '../../engine/index.ts';
import { withoutRunning } from '../../engine/pass.ts';
import { matrixVariantNames } from '../shared/matrix.ts';
import { candidatesIn } from '../shared/prefer.ts';
import type { Case, Room } from '../shared/room.ts';
import { usage } from './lookup.ts';
import { type Dispatch, recordCase } from './run_case.ts';

/** One run of a case: of each kernel that it dispatches, the candidate that runs. */
export type Run = ReadonlyMap<string, Candidate>;

/**
 * A launcher that was asked for a candidate which it cannot take gives way to another one, and that one to no third.
 */
const MOST_STEPS = 2;

/**
 * Candidates for the kernels of a room in its case `number`, with inputs stored so: each variant of each kernel at its
 * default sizes at least once, the others at their first chosen; and of the candidates that differ from those in sizes
 * alone one, another from case to case.
 */
export function combinations(gpu: Gpu, room: Room, number = 0,
  stored: FloatType = 'f32'): ReadonlyMap<string, Candidate>[] {
  const rows = room.kernels.map((kernel) => {
    const all = kernel.candidates(gpu, stored);
    const plain = all.filter(({ variant }, i) => all.findIndex((chosen) => chosen.variant === variant) === i);
    return { name: kernel.name, plain, resized: all.filter((chosen) => !plain.includes(chosen)) };
  });
  const most = Math.max(...rows.map(({ plain }) => plain.length));
  const atDefaults = Array.from({ length: most },
    (_, i) => new Map(rows.map(({ name, plain }) => [name, plain[i] ?? plain[0]])));
  if (rows.every(({ resized }) => resized.length === 0)) return atDefaults;
  return [...atDefaults,
    new Map(rows.map(({ name, plain, resized }) => [name, resized[number % resized.length] ?? plain[0]]))];
}

/**
 * Names of the chosen candidates, for titles and reports; `engine` where no kernel of the room is dispatched, as by a
 * cast.
 */
export function candidateName(chosen: ReadonlyMap<string, Candidate>): string {
  return [...new Set([...chosen.values()].map(candidateText))].join('+') || 'engine';
}

/** A case with what is stored as f16 on the way if it is run so. */
export function asRunBy(chosen: ReadonlyMap<string, Candidate>, item: Case): Case {
  const onMatrices = [...chosen.values()].some(({ variant }) => matrixVariantNames.includes(variant));
  return onMatrices ? { ...item, ...item.onMatrices } : item;
}

/** The runs of the cases of a room on one context. */
export class Runs {
  readonly #gpu: Gpu;
  readonly #room: Room;
  readonly #variant: string | undefined;
  readonly #found = { f32: new Map<Case, readonly Run[]>(), f16: new Map<Case, readonly Run[]>() };

  /** @param variant leaves out what does not run so: the name of a variant, or of a whole run */
  constructor(gpu: Gpu, room: Room, variant?: string) {
    this.#gpu = gpu;
    this.#room = room;
    this.#variant = variant;
  }

  /**
   * All runs of case `number`, or of a workload, each once: combinations that differ in kernels that the case does not
   * dispatch, or to which launchers give way, are one.
   */
  of(number: number, stored: FloatType = 'f32', item = this.#room.cases[number]): readonly Run[] {
    const known = this.#found[stored].get(item);
    if (known !== undefined) return known;
    const runs = new Map<string, Run>();
    for (const wanted of combinations(this.#gpu, this.#room, number, stored)) {
      const { run, dispatches } = settle(this.#gpu, this.#room, item, wanted, stored);
      const text = dispatches.map(textOf).join('\n');
      if (!runs.has(text)) runs.set(text, run);
    }
    const wanted = [...runs.values()].filter((run) => this.#isWanted(run));
    this.#found[stored].set(item, wanted);
    return wanted;
  }

  /** The run whose turn it is where one has to do for a case; all that are wanted, if a variant is. */
  turnOf(number: number, stored: FloatType): readonly Run[] {
    if (this.#variant !== undefined) return this.of(number, stored);
    const all = combinations(this.#gpu, this.#room, number, stored);
    return [settle(this.#gpu, this.#room, this.#room.cases[number], all[number % all.length], stored).run];
  }

  #isWanted(run: Run): boolean {
    const variant = this.#variant;
    return variant === undefined || candidateName(run) === variant
      || [...run.values()].some((candidate) => candidate.variant === variant || candidateText(candidate) === variant);
  }
}

/**
 * The run of a case or workload that is asked for by a variant, which all kernels take that have it, or by the name of
 * a whole run; an empty one, in which each kernel takes its own candidate, where none is.
 *
 * @throws FirstlightError FL_USAGE if nothing of the case runs so here
 */
export function chosenRun(gpu: Gpu, room: Room, item: Case, stored: FloatType, variant?: string): Run {
  if (variant === undefined) return new Map();
  const wanted = candidatesIn(gpu, room.kernels, variant, stored);
  if (dispatchesOf(gpu, item, wanted, stored).some((ran) => wanted.get(ran.kernel)?.variant === ran.variant)) {
    return wanted;
  }
  const all = new Runs(gpu, room).of(Math.max(0, room.cases.indexOf(item)), stored, item);
  const run = all.find((each) => candidateName(each) === variant);
  if (run !== undefined) return run;
  throw usage(`${room.name}: "${item.name}" has no run as ${variant} in ${stored} on ${gpu.name}`,
    'choose another variant, or none');
}

function settle(gpu: Gpu, room: Room, item: Case, wanted: ReadonlyMap<string, Candidate>,
  stored: FloatType): { run: Run; dispatches: readonly Dispatch[] } {
  let run = wanted;
  for (let step = 0; step <= MOST_STEPS; step++) {
    const dispatches = dispatchesOf(gpu, item, run, stored);
    const next = new Map<string, Candidate>();
    let isSettled = true;
    for (const { kernel, variant } of dispatches) {
      const candidate = run.get(kernel);
      if (candidate === undefined) continue; // of the engine, or of what rooms share
      if (candidate.variant !== variant) isSettled = false;
      const all = room.kernels.find(({ name }) => name === kernel)?.candidates(gpu, stored) ?? [];
      next.set(kernel, candidate.variant === variant
        ? candidate
        : (all.find((other) => other.variant === variant) ?? { variant, sizes: {} }));
    }
    if (isSettled) return { run: next, dispatches };
    run = next;
  }
  throw new Error(
    `${room.name}: "${item.name}" does not run as ${candidateName(run)}, nor as anything that this gives way to`,
  );
}

/** What a case dispatches, forward and backward. Nothing is compiled, and nothing runs. */
export function dispatchesOf(gpu: Gpu, item: Case, chosen: ReadonlyMap<string, Candidate>,
  stored: FloatType): readonly Dispatch[] {
  return withoutRunning(gpu, () => gpu.scope(() => recordCase(gpu, item, chosen, stored).dispatches));
}

/** All that tells one dispatch from another, but the memory that it is given. */
function textOf({ command }: Dispatch): string {
  const { label, built, grid, resources } = command;
  const params = resources.flatMap((
    resource,
  ) => (resource.kind === 'uniform' ? [...new Uint32Array(resource.block)] : [resource.bytes]));
  return [label, built.settings, ...grid, ...params].join(' ');
}
