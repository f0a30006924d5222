/** Ranks of one process: what each brings to a collective is there for all, once all have called the same one. */
import { ALONE, type SumOptions, type World } from '../mpi/world.ts';
import { additions } from '../mpi/order.ts';

/** One collective of all ranks. */
interface Meeting {
  readonly name: string;
  readonly done: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
  /** By rank; a hole where it has not come yet. */
  readonly brought: unknown[];
}

function meetingOf(name: string): Meeting {
  let [resolve, reject]: [() => void, (error: Error) => void] = [() => undefined, () => undefined];
  const done = new Promise<void>((...ends) => ([resolve, reject] = ends));
  return { name, done, resolve, reject, brought: [] };
}

/** What a rank is told that waits for one that has left, or that called something else. */
export class OutOfStepError extends Error {}

/**
 * Runs all ranks of a world, and returns what each gave. A rank that calls another collective than the others, sends
 * another number of bytes, or ends while they wait for it, is an error, and no rank waits for ever. Throws the first
 * error of a rank once all have ended.
 *
 * @param seen takes the name of each collective, in order: `barrier`, `gather`, `broadcast of 5 bytes from 0`
 */
export async function inStep<T>(size: number, work: (world: World) => Promise<T>, seen: string[] = []): Promise<T[]> {
  const meetings: Meeting[] = [];
  const left = new Set<number>();
  const check = ({ name, brought, reject }: Meeting) => {
    for (const rank of left) {
      if (!(rank in brought)) reject(new OutOfStepError(`rank ${rank} has ended, others wait in a ${name}`));
    }
  };
  const worldOf = (rank: number): World => {
    let next = 0;
    const meet = async <V>(name: string, value: V): Promise<readonly V[]> => {
      const at = next++;
      if (at === meetings.length) {
        meetings.push(meetingOf(name));
        seen.push(name);
      }
      const meeting = meetings[at];
      if (meeting.name !== name) {
        meeting.reject(new OutOfStepError(`rank ${rank} calls a ${name}, another one a ${meeting.name}`));
      }
      meeting.brought[rank] = value;
      if (Object.keys(meeting.brought).length === size) meeting.resolve();
      check(meeting);
      await meeting.done;
      return meeting.brought as V[];
    };
    const sum =
      (order: string) => async (values: Float32Array, { into = values, what = 'numbers' }: SumOptions = {}) => {
        const terms = (await meet(`${order} of ${what}`, values.slice())).map((each) => each.slice());
        for (const { into: to, from } of additions(size)) {
          terms[from].forEach((value, i) => (terms[to][i] += value));
        }
        into.set(terms[0]);
      };
    return { ...ALONE, rank, size, host: { rank, size, name: `host${rank}` }, library: 'one process',
      barrier: async (limit) => void (await meet(limit === undefined ? 'barrier' : `barrier of ${limit} s`, undefined)),
      broadcast: async (bytes, root) => {
        const all = await meet(`broadcast of ${bytes.length} bytes from ${root}`,
          rank === root ? bytes.slice() : bytes);
        if (rank !== root) bytes.set(all[root]);
      }, gather: (value) => meet('gather', value), numbers: (count) => new Float32Array(Math.ceil(count / size) * size),
      sum: sum('sum'), sumAnyhow: sum('sum in any order'), abort: (code) => {
        throw new OutOfStepError(`rank ${rank} ends all with ${code}`);
      }, end: async () => void (await meet('end', undefined)) };
  };
  const failures: unknown[] = [];
  const given = await Promise.all(Array.from({ length: size }, async (_, rank) => {
    try {
      return await work(worldOf(rank));
    } catch (error) {
      failures.push(error);
      return undefined as T;
    } finally {
      left.add(rank);
      meetings.forEach(check);
    }
  }));
  if (failures.length > 0) throw failures[0];
  return given;
}
