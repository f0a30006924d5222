/** Ranks of a family of MPI, started by its own launcher. */
import { spawnSync } from 'node:child_process';
import { findMpi, type FoundMpi } from '../../engine/setup/mpi.mjs';
import type { EvaluateOptions } from '../../train/commands/evaluate.ts';

const say = (line: string) => void process.stderr.write(`firstlight: ${line}\n`);

/** Where ranks are started: what stands before the launcher, its options, and seconds that it may take. */
export interface Place {
  readonly before: readonly string[];
  readonly options: readonly string[];
  readonly seconds: number;
}

const HERE: Place = { before: [], options: [], seconds: 240 };

/** Runs ranks and gives how they ended. */
export function ranks({ launcher, environment }: FoundMpi, family: string, count: number, program: readonly string[],
  own: Readonly<Record<string, string>> = {}, { before, options, seconds }: Place = HERE) {
  const more = family === 'openmpi' ? ['--oversubscribe', '--bind-to', 'none'] : [];
  const env: NodeJS.ProcessEnv = { ...process.env, NO_COLOR: '1', ...environment, ...own };
  const start = performance.now();
  const [command, ...words] = [...before, launcher, ...options, ...more, '-n', String(count), process.execPath,
    ...program];
  const { status, stdout, stderr } = spawnSync(command, words, { env, encoding: 'utf8', timeout: 1000 * seconds,
    killSignal: 'SIGKILL' });
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
