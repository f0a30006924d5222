/** Families of MPI for tests, and what their ranks measure. */
import { findMpi, type FoundMpi } from '../../engine/setup/mpi.mjs';
import type { EvaluateOptions } from '../../train/commands/evaluate.ts';

export { type Place, ranks } from '../../bench/ranks/launch.ts';

const say = (line: string) => void process.stderr.write(`firstlight: ${line}\n`);

/** A test for machines that have a family of MPI, or fetch it, and what is said where it is not to be had. */
export async function having(family: 'openmpi' | 'mpich') {
  const found: FoundMpi | Error = await findMpi(family, say).catch((error: Error) => error);
  const why = found instanceof Error ? `${family} is not to be had: ${found.message}` : '';
  return { found: found as FoundMpi, has: why === '', why };
}

/** How a run is measured. */
export const measuring = (checkpoint: string, json: string): EvaluateOptions => ({ protocol: 'single',
  checkpoints: [checkpoint], name: 'ranks', clips: 'random', classes: [], draws: 1, out: `${json}.out`, json });
