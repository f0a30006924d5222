/** Ranks of a family of MPI, started by its own launcher. */
import { spawnSync } from 'node:child_process';
import type { FoundMpi } from '../../engine/setup/mpi.mjs';

/** Milliseconds that they may take. */
const LIMIT = 240_000;

/** Runs ranks and gives how they ended. */
export function ranks({ launcher, environment }: FoundMpi, family: string, count: number, program: readonly string[],
  own: Readonly<Record<string, string>> = {}) {
  const more = family === 'openmpi' ? ['--oversubscribe', '--bind-to', 'none'] : [];
  const env: NodeJS.ProcessEnv = { ...process.env, NO_COLOR: '1', ...environment, ...own };
  const start = performance.now();
  const { status, stdout, stderr } = spawnSync(launcher, [...more, '-n', String(count), process.execPath, ...program], {
    env,
    encoding: 'utf8',
    timeout: LIMIT,
  });
  return { status, stdout, stderr, seconds: (performance.now() - start) / 1000 };
}
