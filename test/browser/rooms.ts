import { open } from '../../engine/index.ts';
import { rooms } from '../../kernels/index.ts';
import { runCase } from '../../kernels/checking/run_case.ts';
import { candidateName, Runs } from '../../kernels/checking/runs.ts';
import { storages } from '../../kernels/checking/storage.ts';
import { checkAgainstReference } from '../sweep.ts';

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
  if (room === undefined) {
    throw new Error(`no room ${name}; there are ${rooms.map((candidate) => candidate.name).join(', ')}`);
  }
  let gpu = await open();
  const failures: Failure[] = [];
  let runs = 0;
  for (const [number, item] of room.cases.entries()) {
    if (item.skip?.(gpu) !== undefined) continue;
    const all = new Runs(gpu, room);
    const ways = storages(gpu, item).flatMap((storage) =>
      all.of(number, storage === 'f32' ? 'f32' : 'f16').map((run) => [run, storage] as const)
    );
    for (const [chosen, storage] of ways) {
      runs++;
      try {
        checkAgainstReference(item, await runCase(gpu, item, chosen, storage), storage);
      } catch (error) {
        failures.push({ item: item.name, variant: `${candidateName(chosen)}, ${storage}`,
          message: error instanceof Error ? error.message : String(error) });
        // a refused command poisons its context: the next case gets a clean one
        await gpu.close();
        gpu = await open();
      }
    }
  }
  const { vendor, architecture } = gpu.adapter.info;
  await gpu.close();
  return { adapter: `${vendor} ${architecture}`, cases: room.cases.length, runs, failures };
}
