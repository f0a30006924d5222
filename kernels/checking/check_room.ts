/** Checks the cases of a room on one adapter: every run of each, in every way to store its inputs. */
import type { FloatType, Gpu } from '../../engine/index.ts';
import type { Case, Room } from '../shared/room.ts';
import { type Comparison, compareCase } from './comparison.ts';
import { recordCase, runCase } from './run_case.ts';
import { asRunBy, candidateName, type Run, Runs } from './runs.ts';
import { floatOf, type Storage, storages } from './storage.ts';

/** Where contexts come from. */
export interface Contexts {
  /** The one that is open. */
  current(): Promise<Gpu>;
  /** Another one, in place of the one that is open: after an error that one refuses all work. */
  renew(): Promise<Gpu>;
}

/** One run of a case, and how it compares with float64. */
export interface CheckedRun {
  readonly case: string;
  /** The candidates that ran; undefined where they could not be found out. */
  readonly candidate?: string;
  readonly storage: Storage;
  /** Of outputs and gradients; none if there is an error. */
  readonly comparisons: readonly Comparison[];
  /** Why there are no results: it did not compile, the device was lost. */
  readonly error?: unknown;
}

/** A case that an adapter cannot be asked for. */
export interface SkippedCase {
  readonly case: string;
  readonly reason: string;
}

/** What is checked of a room; what is left out is not narrowed. */
export interface CheckOptions {
  readonly cases?: readonly Case[];
  readonly types?: readonly FloatType[];
  /** Called after each run, on its context: what it throws is the error of the run. */
  inspect?(gpu: Gpu): Promise<void>;
  /** Called after each run. */
  onRun?(run: CheckedRun): void;
  /** Called before each case, with how many came before it. */
  onCase?(item: Case, done: number, of: number): void;
}

/** What came of a room. */
export interface CheckedRoom {
  readonly runs: readonly CheckedRun[];
  readonly skipped: readonly SkippedCase[];
}

/** Whether a run gave results, and all of them are right. */
export function isRight({ error, comparisons }: CheckedRun): boolean {
  return error === undefined && comparisons.every((comparison) => comparison.isRight);
}

/**
 * Runs cases of a room on all candidates that the adapter has, forward and every gradient, and compares with float64.
 * A run that fails leaves its error; what comes after it has a context of its own.
 */
export async function checkRoom(contexts: Contexts, room: Room,
  { cases = room.cases, types, inspect, onRun, onCase }: CheckOptions = {}): Promise<CheckedRoom> {
  const runs: CheckedRun[] = [];
  const skipped: SkippedCase[] = [];
  const add = (run: CheckedRun) => {
    runs.push(run);
    onRun?.(run);
  };
  let known: { readonly gpu: Gpu; readonly runs: Runs } | undefined;
  const runsOf = (gpu: Gpu, item: Case, storage: Storage): readonly Run[] => {
    if (known?.gpu !== gpu) known = { gpu, runs: new Runs(gpu, room) };
    return known.runs.of(Math.max(0, room.cases.indexOf(item)), floatOf(storage), item);
  };
  for (const [done, item] of cases.entries()) {
    onCase?.(item, done, cases.length);
    const gpu = await contexts.current();
    const reason = item.skip?.(gpu);
    if (reason !== undefined) {
      skipped.push({ case: item.name, reason });
      continue;
    }
    for (const storage of storages(gpu, item).filter((each) => types?.includes(floatOf(each)) ?? true)) {
      const fail = async (error: unknown, candidate?: string) => {
        add({ case: item.name, candidate, storage, comparisons: [], error });
        await contexts.renew();
      };
      let all: readonly Run[];
      try {
        all = runsOf(await contexts.current(), item, storage);
      } catch (error) {
        await fail(error); // an edited text that does not fit its launch
        continue;
      }
      try {
        const current = await contexts.current();
        await current.compile(() => all.forEach((run) => recordCase(current, item, run, storage)));
      } catch {
        await contexts.renew(); // the run that does not compile says so
      }
      for (const run of all) {
        const candidate = candidateName(run);
        try {
          const gpu = await contexts.current();
          const results = await runCase(gpu, item, run, storage);
          await inspect?.(gpu);
          add({ case: item.name, candidate, storage, comparisons: compareCase(asRunBy(run, item), results, storage) });
        } catch (error) {
          await fail(error, candidate);
        }
      }
    }
  }
  return { runs, skipped };
}
