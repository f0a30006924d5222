import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { FirstlightError } from '../../../engine/errors.ts';
import type { Tried } from './tried.ts';

const CHILD = fileURLToPath(new URL('./try_child.ts', import.meta.url));

/** A file that takes longer than this is given up. */
const MOST_SECONDS = 1800;

export interface TryOptions {
  /** Processes at once. */
  readonly jobs: number;
  /** Called for each file as soon as it is known, in no order. */
  readonly onTried: (path: string, tried: Tried) => void;
  /** Ends the work; files that are under way are not told. */
  readonly signal?: AbortSignal;
  /** What the processes run; another one in tests. */
  readonly child?: string;
}

/**
 * Decodes files whole, each in one of some processes: a file that makes a decoder crash costs its process, and is told
 * like any other that cannot be read.
 * @throws FirstlightError if no process can be started
 */
export async function tryFiles(paths: readonly string[],
  { jobs, onTried, signal, child: program = CHILD }: TryOptions): Promise<void> {
  const queue = [...paths];
  const work = async () => {
    let child: Child | undefined;
    try {
      for (let path = queue.shift(); path !== undefined && signal?.aborted !== true; path = queue.shift()) {
        if (child === undefined || child.hasEnded) child = new Child(program);
        const tried = await child.ask(path, signal);
        if (tried === undefined) return; // ended by the signal
        onTried(path, tried);
      }
    } catch (error) {
      queue.length = 0; // the others end after their file
      throw error;
    } finally {
      child?.end();
    }
  };
  const ends = await Promise.allSettled(Array.from({ length: Math.min(jobs, paths.length) }, work));
  const failed = ends.find((end) => end.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}

class Child {
  readonly #process: ChildProcess;
  #hasAnswered = false;
  /** The end of what it wrote to stderr. */
  #said = '';
  #ending: string | undefined;

  constructor(program: string) {
    this.#process = fork(program, { execArgv: program.endsWith('.ts') ? ['--import', import.meta.resolve('tsx')] : [],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
    this.#process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#said = (this.#said + text).slice(-2000);
    });
    this.#process.on('error', (error) => (this.#ending ??= error.message));
    this.#process.on('exit', (code, signal) => (this.#ending ??= signal ?? `status ${code}`));
  }

  get hasEnded(): boolean {
    return this.#ending !== undefined;
  }

  /** What came of a file; undefined if the signal ended it. */
  async ask(path: string, signal: AbortSignal | undefined): Promise<Tried | undefined> {
    const child = this.#process;
    let isLate = false;
    const kill = () => void child.kill('SIGKILL');
    const timer = setTimeout(() => {
      isLate = true;
      kill();
    }, 1000 * MOST_SECONDS);
    signal?.addEventListener('abort', kill);
    try {
      const tried = await new Promise<Tried | undefined>((resolve) => {
        child.once('message', (message) => resolve(message as Tried));
        child.once('close', () => resolve(undefined));
        child.send(path, (error) => {
          if (error !== null) resolve(undefined); // it is not there any more
        });
      });
      if (tried !== undefined) {
        this.#hasAnswered = true;
        return tried;
      }
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', kill);
      child.removeAllListeners('message').removeAllListeners('close');
    }
    if (signal?.aborted === true) return undefined;
    if (isLate) return { problem: `takes more than ${MOST_SECONDS / 60} minutes to decode`, isPassing: true };
    const ending = this.#ending ?? 'it does not answer';
    // a process that dies of a signal, or had answered before, has died of this file
    if (this.#hasAnswered || ending.startsWith('SIG')) {
      return { problem: `makes its decoder crash (${ending})`, isPassing: true };
    }
    // Node ends with its version what it says of an error
    const lines = this.#said.trim().split('\n');
    const said = lines.find((line) => /^\w*Error\b/.test(line)) ?? lines.at(-1);
    throw new FirstlightError('FL_DECODER', `the process that was to decode ${path} ended: ${said || ending}`, { path,
      said: this.#said });
  }

  end(): void {
    if (this.#process.connected) this.#process.disconnect();
  }
}
