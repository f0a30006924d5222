/** The same tasks by several libraries, taking turns, each in a process of its own. */
import { FirstlightError } from '../../engine/index.ts';
import { digits } from '../../train/log/table.ts';
import { spreadOf } from '../statistics.ts';
import { installPeers } from './install.ts';
import { errorOf, LIMIT, type Outcome, type PeerName } from './outcome.ts';
import { PeerFailure, PeerProcess } from './process.ts';
import type { Operands64, Task } from './task.ts';
import { tasks } from './tasks.ts';

/** Rounds that the libraries take in turn. */
const ROUNDS = 9;
/** Milliseconds that a round should take; a call that takes longer is a round by itself. */
const ROUND = 100;
/** Seconds for a first call with cold caches, and for a round. */
const LIMITS = { first: 240, round: 120 } as const;

/** What a race came to, and what a file of results holds of it. */
export interface RaceResults {
  readonly outcomes: readonly Outcome[];
  /** Versions of the libraries that took part, with what they compute by. */
  readonly libraries?: Readonly<Record<string, string>>;
}

const say = (line: string) => void process.stderr.write(`${line}\n`);

/** A library that answered rightly and waits for its turns. */
interface Contender {
  readonly process: PeerProcess;
  readonly outcome: Outcome;
  readonly calls: number;
  readonly samples: number[];
}

const messageOf = (error: unknown): string => {
  if (error instanceof PeerFailure) return error.message.split('\n')[0];
  throw error;
};

/** Lets a library do the task once, the next way if one is wrong or fails. */
async function enter(task: Task, peer: PeerName, reference: Operands64,
  libraries: Record<string, string>): Promise<Contender | Outcome | undefined> {
  const base = { task: task.name, direction: task.direction, peer };
  const trouble: string[] = [];
  let ways: readonly string[] = [''];
  let error: number | undefined;
  for (let i = 0; i < ways.length; i++) {
    const process = new PeerProcess(peer);
    try {
      const about = await process.ask({ what: 'ways', task: task.name, peer }, LIMITS.first);
      ways = about.ways ?? [];
      if (about.version !== undefined) libraries[peer] = about.version;
      if (ways.length === 0) {
        process.stop();
        return undefined;
      }
      const { outputs = {}, milliseconds = [] } = await process.ask({ what: 'first', task: task.name, way: ways[i] },
        LIMITS.first);
      error = errorOf(outputs, reference);
      if (error <= LIMIT) {
        const warm = await process.ask({ what: 'round', task: task.name, calls: 1 }, LIMITS.round);
        const again = await process.ask({ what: 'round', task: task.name, calls: 1 }, LIMITS.round);
        const once = Math.min(warm.milliseconds?.[0] ?? ROUND, again.milliseconds?.[0] ?? ROUND);
        return { process, outcome: { ...base, way: ways[i], firstCall: milliseconds[1], error, trouble },
          calls: Math.max(1, Math.round(ROUND / once)), samples: [] };
      }
      trouble.push(`${ways[i]} is wrong, by ${error.toExponential(1)} of the largest element`);
    } catch (failure) {
      trouble.push(`${ways[i] === '' ? 'start' : ways[i]}: ${messageOf(failure)}`);
    }
    process.stop();
  }
  return { ...base, error, trouble };
}

/** Rounds in turn, so that a machine that slows down slows all of them. */
async function roundsOf(contenders: readonly Contender[], task: string): Promise<readonly Outcome[]> {
  const failed = new Map<Contender, string>();
  for (let round = 0; round < ROUNDS; round++) {
    for (const contender of contenders) {
      if (failed.has(contender)) continue;
      try {
        const { milliseconds = [] } = await contender.process.ask({ what: 'round', task, calls: contender.calls },
          LIMITS.round);
        contender.samples.push(milliseconds[0] / contender.calls);
      } catch (error) {
        failed.set(contender, messageOf(error));
      }
    }
  }
  return contenders.map((contender) => {
    const reason = failed.get(contender);
    if (reason !== undefined) {
      return { ...contender.outcome,
        trouble: [...contender.outcome.trouble, `round ${contender.samples.length + 1}: ${reason}`] };
    }
    return { ...contender.outcome, milliseconds: spreadOf(contender.samples) };
  });
}

async function compare(task: Task, peers: readonly PeerName[],
  libraries: Record<string, string>): Promise<readonly Outcome[]> {
  say(`${task.name}: in float64 …`);
  const operands = Object.fromEntries(
    Object.entries(task.operands()).map(([name, { data }]) => [name, Float64Array.from(data)]),
  );
  const reference = task.reference(operands);
  const [contenders, others]: [Contender[], Outcome[]] = [[], []];
  try {
    for (const peer of peers) {
      const entered = await enter(task, peer, reference, libraries);
      if (entered === undefined) continue;
      if ('process' in entered) contenders.push(entered);
      else others.push(entered);
      const { error, trouble, firstCall } = 'process' in entered ? entered.outcome : entered;
      const seen = firstCall === undefined
        ? 'not timed'
        : `first call ${digits(firstCall / 1000)} s, error ${error?.toExponential(1)}`;
      say(`  ${[`${peer}: ${seen}`, ...trouble].join('; ')}`);
    }
    const raced = await roundsOf(contenders, task.name);
    for (const { peer, milliseconds, trouble } of raced) {
      say(`  ${peer}: ${milliseconds === undefined ? trouble.at(-1) : `${digits(milliseconds.median)} ms`}`);
    }
    return [...raced, ...others];
  } finally {
    for (const { process } of contenders) process.stop();
  }
}

/**
 * Lets libraries do the tasks with `word` in their name.
 * @throws {FirstlightError} if there is no such task
 */
export async function race(peers: readonly PeerName[], word: string): Promise<RaceResults> {
  const chosen = tasks.filter(({ name }) => name.includes(word));
  if (chosen.length === 0) {
    throw new FirstlightError('FL_FLAG', `no task has "${word}" in its name`, {}, `there are: ${
      tasks.map(({ name }) => name).join('; ')
    }`);
  }
  await installPeers(say);
  const outcomes: Outcome[] = [];
  const libraries: Record<string, string> = {};
  for (const task of chosen) outcomes.push(...(await compare(task, peers, libraries)));
  return { outcomes, libraries };
}
