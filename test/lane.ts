/**
 * Runs test files one after another in a process that outlives them, so that what they have in common is loaded once.
 * A file that ends it, or does not end, is told of by name, and the next one has a new process.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import type { Environment } from '../engine/setup/choose.mjs';

/** What `files.ts` prints behind a file, on each of its two streams. */
export const MARK = '\u0000end of file\u0000';

/**
 * A kernel that never ends would block the run for ever. No good file comes near this, not even where all programs are
 * compiled for the first time beside other work.
 */
const LIMIT_SECONDS = 900;
/** For a process to end by itself when it has no more files to run. */
const END_SECONDS = 60;

export interface Job {
  readonly file: string;
  readonly label: string;
  readonly environment: Environment;
  /** It has a process of its own. */
  readonly isAlone: boolean;
}

export interface Result {
  readonly label: string;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly seconds: number;
  readonly output: string;
  /** Why it failed, if its own totals do not say. */
  readonly reason?: string;
}

/** What uvu's closing lines say; undefined if they are not there. */
function totals(output: string): { total: number; passed: number; skipped: number } | undefined {
  const last = [
    ...stripVTControlCharacters(output).matchAll(/^ {2}Total: +(\d+)\n {2}Passed: +(\d+)\n {2}Skipped: +(\d+)$/gm),
  ].at(-1);
  return last === undefined ? undefined : { total: Number(last[1]), passed: Number(last[2]), skipped: Number(last[3]) };
}

/**
 * A file that crashed, hung, ran nothing or failed without saying so counts as one failure beyond those it counted.
 * `ending` says how its process ended, if it did.
 */
function judge(output: string, ending: string | undefined): Pick<Result, 'passed' | 'failed' | 'skipped' | 'reason'> {
  const counted = totals(output);
  const { total, passed, skipped } = counted ?? { total: 0, passed: 0, skipped: 0 };
  const failed = total - passed;
  const reason = counted === undefined
    ? `${ending ?? 'threw an error'} before its totals`
    : total + skipped === 0
    ? 'ran no test'
    : ending !== undefined && failed === 0
    ? `passed, then ${ending}`
    : undefined;
  return { passed, skipped, failed: failed + (reason === undefined ? 0 : 1), reason };
}

/** One process, and the files that it ran. */
class Runner {
  readonly environment: Environment;
  readonly ran: string[] = [];
  readonly #child: ChildProcess;
  /** How the process ended. */
  readonly #closed: Promise<string>;
  #output = '';
  #onOutput = () => {};

  constructor(environment: Environment) {
    this.environment = environment;
    this.#child = spawn(process.execPath, ['--import', import.meta.resolve('tsx'),
      fileURLToPath(new URL('./files.ts', import.meta.url))], { env: { ...process.env, ...environment },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output += text;
        this.#onOutput();
      });
    }
    this.#closed = new Promise((resolve) =>
      this.#child.on('error', ({ message }) => resolve(`failed (${message})`)).on('close', (exitCode, signal) =>
        resolve(`ended with ${signal ?? `exit code ${exitCode}`}`))
    );
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** What the file printed, and how the process ended if it did. */
  async run({ file, label }: Job): Promise<{ output: string; ending?: string }> {
    this.ran.push(label);
    this.#output = '';
    const marked = new Promise<undefined>((resolve) => {
      this.#onOutput = () => this.#output.split(MARK).length > 2 && resolve(undefined);
    });
    this.#child.send(new URL(file, import.meta.url).href);
    const ending = await this.#within(LIMIT_SECONDS, marked);
    return { output: this.#output.replaceAll(MARK, ''), ending };
  }

  /** Why it did not end well, if so, now that there is nothing more to run. */
  async end(): Promise<string | undefined> {
    this.#child.send('');
    const ending = await this.#within(END_SECONDS);
    return ending === 'ended with exit code 0' ? undefined : ending;
  }

  /** How the process ended, unless something else came first; it is killed after so many seconds. */
  async #within(seconds: number, ...others: Promise<undefined>[]): Promise<string | undefined> {
    let isLate = false;
    const limit = setTimeout(() => {
      isLate = true;
      this.#child.kill('SIGKILL');
    }, seconds * 1000);
    const ending = await Promise.race([this.#closed, ...others]);
    clearTimeout(limit);
    return isLate ? `was not done after ${seconds} s` : ending;
  }
}

/** A place for one process at a time. */
export class Lane {
  #runner: Runner | undefined;

  kill(signal: NodeJS.Signals): void {
    this.#runner?.kill(signal);
  }

  /** Runs the jobs as they come, and tells of each, and of a process that does not end well after its files. */
  async run(next: () => Job | undefined, onResult: (result: Result) => void): Promise<void> {
    for (let job = next(); job !== undefined; job = next()) {
      const start = performance.now();
      if (job.isAlone || JSON.stringify(this.#runner?.environment) !== JSON.stringify(job.environment)) {
        await this.#end(onResult);
      }
      this.#runner ??= new Runner(job.environment);
      const { output, ending } = await this.#runner.run(job);
      if (ending !== undefined) this.#runner = undefined;
      if (job.isAlone) await this.#end(onResult);
      onResult({ label: job.label, output, seconds: (performance.now() - start) / 1000, ...judge(output, ending) });
    }
    await this.#end(onResult);
  }

  async #end(onResult: (result: Result) => void): Promise<void> {
    const runner = this.#runner;
    this.#runner = undefined;
    const start = performance.now();
    const reason = await runner?.end();
    if (runner === undefined || reason === undefined) return;
    onResult({ label: `the process of ${runner.ran.join(', ')}`, passed: 0, failed: 1, skipped: 0, output: '',
      seconds: (performance.now() - start) / 1000, reason });
  }
}
