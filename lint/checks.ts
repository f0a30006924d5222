/** What `npm run lint` and the tests hold of the sources. A check gives its findings, one line each. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { ROOT } from './files.ts';
import { unformatted } from './format.ts';
import { wrongLines } from './lines.ts';
import { wrongLinks } from './links.ts';

export interface Check {
  readonly name: string;
  /** What holds if it finds nothing. */
  readonly holds: string;
  find(): readonly string[] | Promise<readonly string[]>;
}

/** The lines that a program of a package, or of ours, prints when it fails. */
export async function failuresOf(program: string, args: readonly string[]): Promise<readonly string[]> {
  const child = spawn(process.execPath, [join(ROOT, program), ...args], { cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  }
  const exitCode = await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve));
  if (exitCode === 0) return [];
  const lines = output.split('\n').filter((line) => line.trim() !== '');
  return lines.length > 0 ? lines : [`${program} ended with ${exitCode}`];
}

export const checks: readonly Check[] = [
  { name: 'types', holds: 'the compiler finds nothing',
    find: () => failuresOf('node_modules/typescript/bin/tsc', ['--noEmit', '-p', '.']) },
  { name: 'rules', holds: 'the rules of .oxlintrc.json hold',
    find: () => failuresOf('node_modules/oxlint/bin/oxlint', ['--format=unix', '--deny-warnings']) },
  { name: 'format', holds: 'every program is in its form: `npm run format` would change nothing', find: unformatted },
  { name: 'lines', holds: 'lines of code have up to 120 columns, and no file has tabs or spaces at the ends of lines',
    find: wrongLines },
  { name: 'links', holds: 'every link of every page leads to something', find: wrongLinks },
];
