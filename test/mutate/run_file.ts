import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { TestFile } from './places.ts';

/** What uvu prints for a test that failed. */
const FAILED = '✘';

/** How to end what is running now: processes of their own group outlive this one. */
const endings = new Set<() => void>();
process.on('exit', () => {
  for (const end of endings) end();
});

/** How a file of tests ended; late: it did not, and was killed. */
export type Ending = 'passed' | 'failed' | 'late';

/** Runs a file of tests of a copy of the project, to its first failure, and ends it with all that it started. */
export function runFile(copy: string, { file, environment }: TestFile, limitSeconds: number): Promise<Ending> {
  const preload = pathToFileURL(join(copy, 'test/mutate/preload.ts')).href;
  const before = [import.meta.resolve('tsx'), preload].flatMap((module) => ['--import', module]);
  const child = spawn(process.execPath, [...before, join(copy, file)], { cwd: copy,
    env: { ...process.env, ...environment }, stdio: ['ignore', 'pipe', 'ignore'], detached: true });
  const end = () => {
    try {
      process.kill(-(child.pid as number), 'SIGKILL');
    } catch {
      // it has ended
    }
  };
  endings.add(end);
  let isLate = false;
  const limit = setTimeout(() => {
    isLate = true;
    end();
  }, limitSeconds * 1000);
  child.stdout.setEncoding('utf8').on('data', (text: string) => text.includes(FAILED) && end());
  return new Promise((resolve, reject) =>
    child.on('error', reject).on('exit', (code) => {
      clearTimeout(limit);
      end(); // what it left running
      endings.delete(end);
      resolve(isLate ? 'late' : code === 0 ? 'passed' : 'failed');
    })
  );
}
