import { rooms } from '../../kernels/index.ts';
import { checkRoom, isRight } from '../../kernels/checking/check_room.ts';
import { missText } from '../../kernels/checking/comparison.ts';
import { unknown } from '../../kernels/checking/lookup.ts';
import { SharedContext } from '../../web/worker/contexts.ts';

/** A run that failed. */
export interface Failure {
  readonly item: string;
  readonly variant: string;
  readonly message: string;
}

/** What came of one room. */
export interface RoomReport {
  readonly adapter: string;
  readonly cases: number;
  /** Pairs of a case and a way to run it that were compared with float64. */
  readonly runs: number;
  readonly failures: readonly Failure[];
}

/** Runs every case of a room on every usable variant, forward and gradient, against float64. */
export async function sweepRoom(name: string): Promise<RoomReport> {
  const room = rooms.find((candidate) => candidate.name === name);
  if (room === undefined) throw unknown('room', name, rooms.map((candidate) => candidate.name));
  await using contexts = new SharedContext();
  const { vendor, architecture } = (await contexts.current()).adapter.info;
  const { runs } = await checkRoom(contexts, room);
  const failures = runs.filter((run) => !isRight(run)).map((
    { case: item, candidate, storage, comparisons, error },
  ) => ({
    item,
    variant: `${candidate}, ${storage}`,
    message: error === undefined
      ? comparisons.filter(({ isRight }) => !isRight)
        .map(({ what, elements, worst }) => `${what}: ${missText(elements, worst)}`).join('\n')
      : error instanceof Error
      ? error.message
      : String(error),
  }));
  return { adapter: `${vendor} ${architecture}`, cases: room.cases.length, runs: runs.length, failures };
}
