/** Ranks of a family of MPI, started by its own launcher. */
import { spawnSync } from 'node:child_process';
import type { FoundMpi } from '../../engine/setup/mpi.mjs';

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
