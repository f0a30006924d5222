/** Ranks of a family of MPI, started by its own launcher. */
import { spawnSync } from 'node:child_process';
import { findMpi, type FoundMpi } from '../../engine/setup/mpi.mjs';
import type { EvaluateOptions } from '../../train/commands/evaluate.ts';

const say = (line: string) => void process.stderr.write(`firstlight: ${line}\n`);

/** Runs ranks and gives how they ended. */
export function ranks({ launcher, environment }: FoundMpi, family: string, count: number, program: readonly string[],
  own: Readonly<Record<string, string>> = {}) {
  const more = family === 'openmpi' ? ['--oversubscribe', '--bind-to', 'none'] : [];
  const env: NodeJS.ProcessEnv = { ...process.env, NO_COLOR: '1', ...environment, ...own };
  const start = performance.now();
  const { status, stdout, stderr } = spawnSync(launcher, [...more, '-n', String(count), process.execPath, ...program], {
    env,
    encoding: 'utf8',
    timeout: 240_000,
  });
  return { status, stdout, stderr, seconds: (performance.now() - start) / 1000 };
}

/** A test for machines that have a family of MPI, or fetch it, and what is said where it is not to be had. */
export async function having(family: 'openmpi' | 'mpich') {
  const found: FoundMpi | Error = await findMpi(family, say).catch((error: Error) => error);
  const why = found instanceof Error ? `${family} is not to be had: ${found.message}` : '';
  return { found: found as FoundMpi, has: why === '', why };
}

/** How a run is measured. */
export const measuring = (checkpoint: string, json: string): EvaluateOptions => ({ protocol: 'single',
  checkpoints: [checkpoint], name: 'ranks', clips: 'random', classes: [], draws: 1, out: `${json}.out`, json });
