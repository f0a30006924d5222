/** A command of one process, or of all that a launcher of MPI started with it. */
import { setTimeout } from 'node:timers/promises';
import { FirstlightError } from '../../engine/errors.ts';
import { launchedAs } from '../../engine/setup/launcher.mjs';
import { ALONE, openWorld, type World } from '../../mpi/world.ts';
import { agreed } from '../ranks/agreed.ts';
import { InterruptedError } from '../run/stop.ts';
import { exitCodeOf, explain } from './failure.ts';

/** Of what a command is told, how long a rank waits for the others before that is an error. */
interface Asked {
  readonly run: { readonly collectiveMinutes: number };
}

/** Milliseconds that rank 0 has to save and to tell what all ranks have found. */
const PATIENCE_MS = 600_000;

/** Errors that all ranks come upon in the same step: rank 0 tells them for all. */
const OF_ALL = ['FL_RANKS', 'FL_NON_FINITE'];
const isOfAll = (error: unknown) => error instanceof FirstlightError && OF_ALL.includes(error.code);

/**
 * Runs a command with the other ranks, if there are any. Rank 0 alone prints. What goes wrong on another one is told
 * with its rank and host, and ends all of them.
 *
 * @param read gives what the command is told, from files that each rank reads; an error of all of them is told once
 */
export async function together<A extends Asked>(read: () => A,
  work: (asked: A, world: World) => Promise<number>): Promise<number> {
  if (launchedAs() === undefined) return work(read(), ALONE);
  const { value, error } = attempt(read);
  const world = await openWorld(value && 60 * value.run.collectiveMinutes);
  const asked = () => {
    if (value === undefined) throw error;
    return value;
  };
  return asRank(world, async () => work(await agreed(world, asked), world));
}

/** Does the work of one of these ranks, and ends with the others, or ends them. */
export async function asRank(world: World, work: (world: World) => Promise<number>): Promise<number> {
  if (world.library === undefined) return work(world);
  if (world.rank > 0) console.log = console.info = console.warn = () => undefined;
  try {
    const code = await work(world);
    await world.end();
    return code;
  } catch (error) {
    if (error instanceof InterruptedError) {
      await world.end();
      if (world.rank > 0) return error.exitCode;
      throw error;
    }
    if (world.rank > 0 && isOfAll(error)) await setTimeout(PATIENCE_MS);
    process.stderr.write(explain(placed(error, world), false));
    return world.abort(exitCodeOf(error));
  }
}

function attempt<T>(work: () => T): { readonly value?: T; readonly error?: unknown } {
  try {
    return { value: work() };
  } catch (error) {
    return { error };
  }
}

/** An error with the place where it was met. */
function placed(error: unknown, { rank, host }: World): unknown {
  if (rank === 0 || !(error instanceof FirstlightError)) return error;
  return new FirstlightError(error.code, `rank ${rank} on ${host.name}: ${error.message}`, error.context, error.hint,
    error);
}
