/**
 * Other processes that compile programs, for a driver that does so when a program first runs, in one thread of a
 * process, and keeps on disk what it has compiled: Mesa's lavapipe.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { availableParallelism, homedir, loadavg } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Warmer, WarmProgram } from './instance.ts';
import { cacheFolder, readJson, writeJson } from './setup/cache.mjs';

const CHILD = fileURLToPath(new URL('./setup/warm_child.mjs', import.meta.url));
/** Each takes some 150 MB. */
const MOST_PROCESSES = 8;
/** Processes that wait for a processor, for each: with half as many more, a run was served better alone. */
const MOST_WAITING = 6;
/** No program takes so long; a process that does not answer is given up. */
const MOST_SECONDS = 120;

/** What the processes open their devices with. */
export interface WarmDevice {
  readonly flags: readonly string[];
  readonly features: readonly string[];
  readonly limits: Readonly<Record<string, number>>;
}

export interface ProcessWarmerOptions {
  /** What programs are compiled by: another driver, or another Dawn, makes others of them. */
  readonly compiler: string;
  readonly processes: number;
  /** What the processes run; another one in tests. */
  readonly child?: string;
}

interface Job {
  readonly id: string;
  readonly program: WarmProgram;
  /** Those of less come first. */
  rank: number;
  readonly seconds: Promise<number>;
  readonly end: (seconds: number) => void;
}

/**
 * Gives programs to processes: those first that somebody waits for, then in the order in which it was told of some, and
 * of these the longest text first, because that takes longest. The processes say nothing, and end when there is nothing
 * more to do, or with this one. If they fail, nothing is lost but their help. What they have
 * compiled is noted beside the drivers, so that a later run starts none.
 */
export class ProcessWarmer implements Warmer {
  readonly #device: WarmDevice;
  readonly #child: string;
  readonly #noted: Noted;
  readonly #known: Promise<Set<string>>;
  readonly #jobs = new Map<string, Job>();
  readonly #children = new Set<ChildProcess>();
  readonly #waiting = new Set<Job>();
  #most: number;
  #told = 0;

  /** @param cache tells the driver's cache, as it is now, from others */
  constructor(device: WarmDevice, cache: () => string, { compiler, processes, child = CHILD }: ProcessWarmerOptions) {
    this.#device = device;
    this.#child = child;
    this.#most = processes;
    this.#noted = new Noted(() => `${compiler} ${cache()}`);
    this.#known = this.#noted.read();
  }

  warm(programs: readonly WarmProgram[], isAwaited: boolean): readonly Promise<number>[] {
    const rank = isAwaited ? 0 : ++this.#told;
    const jobs = programs.map((program) => this.#jobOf(program, rank));
    void this.#known.then((known) => {
      for (const job of jobs) if (known.has(job.id)) this.#end(job);
      // a run that works keeps a processor
      const most = isAwaited ? this.#most : Math.max(this.#most - 1, Math.min(1, this.#most));
      while (this.#children.size < Math.min(most, this.#waiting.size)) this.#start();
      if (this.#children.size === 0) this.#giveUp();
    });
    return jobs.map(({ seconds }) => seconds);
  }

  async end(): Promise<void> {
    this.#most = 0;
    for (const child of this.#children) child.kill('SIGKILL');
    this.#giveUp();
    await this.#noted.write();
  }

  #jobOf(program: WarmProgram, rank: number): Job {
    const id = createHash('sha256').update(program.code).digest('hex').slice(0, 16);
    const found = this.#jobs.get(id);
    if (found !== undefined) {
      found.rank = Math.min(found.rank, rank);
      return found;
    }
    let end: Job['end'] = () => undefined;
    const seconds = new Promise<number>((resolve) => (end = resolve));
    const job = { id, program, rank, seconds, end };
    this.#jobs.set(id, job);
    this.#waiting.add(job);
    return job;
  }

  #end(job: Job): void {
    this.#waiting.delete(job);
    job.end(0);
  }

  /** The run compiles what is left. */
  #giveUp(): void {
    for (const job of this.#waiting) this.#end(job);
  }

  #next(): Job | undefined {
    const [next] = [...this.#waiting].sort((a, b) => a.rank - b.rank || b.program.code.length - a.program.code.length);
    if (next !== undefined) this.#waiting.delete(next);
    return next;
  }

  #start(): void {
    const child = fork(this.#child, { execArgv: [], stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
    this.#children.add(child);
    let job: Job | undefined;
    let hasAnswered = false;
    const timer = setTimeout(() => child.kill('SIGKILL'), 1000 * MOST_SECONDS);
    timer.unref();
    const next = () => {
      job = this.#next();
      timer.refresh();
      if (job === undefined) child.disconnect();
      else child.send(job.program, () => undefined); // where it is not there any more, it has ended
    };
    child.on('message', (answer) => {
      hasAnswered = true;
      if (job !== undefined) this.#noted.add(job.id);
      job?.end((answer as { readonly seconds: number }).seconds);
      next();
    });
    const over = () => {
      if (!this.#children.delete(child)) return;
      clearTimeout(timer);
      job?.end(0);
      if (!hasAnswered) this.#most = 0; // one that cannot begin: others could not either
      if (this.#waiting.size > 0 && this.#children.size < this.#most) this.#start();
      if (this.#children.size === 0) {
        this.#giveUp();
        void this.#noted.write();
      }
    };
    child.on('error', over).on('exit', over); // one that cannot be started has no exit
    child.send(this.#device, () => undefined);
    next();
  }
}

/**
 * As many processes as there are processors; none on a machine that has more to do than it can, where they would only
 * take turns with the run.
 */
export function helpersNow(): number {
  const processors = availableParallelism();
  const [waiting] = loadavg(); // 0 on Windows
  return processors === 1 || waiting > MOST_WAITING * processors ? 0 : Math.min(processors, MOST_PROCESSES);
}

/** The programs that were compiled for one state of the driver's cache, in a file. */
class Noted {
  readonly #key: () => string;
  readonly #programs = new Set<string>();

  constructor(key: () => string) {
    this.#key = key;
  }

  async read(): Promise<Set<string>> {
    const found = (await readJson(path())) as { readonly key: string; readonly programs: string[] } | undefined;
    return new Set(found?.key === this.#key() ? found.programs : []);
  }

  add(id: string): void {
    this.#programs.add(id);
  }

  /** Without word: what is not noted is looked for once more. */
  async write(): Promise<void> {
    if (this.#programs.size === 0) return;
    try {
      const known = await this.read(); // again: another process may have added its own meanwhile
      await writeJson(path(), { key: this.#key(), programs: [...new Set([...known, ...this.#programs])] });
    } catch {
      // the folder cannot be written any more
    }
  }
}

const path = () => join(cacheFolder(), 'programs.json');

/** Whether Mesa keeps programs on disk. */
export const mesaKeeps = (): boolean => !/^(?:1|true|yes|y)$/i.test(process.env.MESA_SHADER_CACHE_DISABLE ?? '');

/** In which folder, and whether it is still the same one. Mesa makes it some time after the first device. */
export function mesaCache(): string {
  const { MESA_SHADER_CACHE_DIR: own, XDG_CACHE_HOME: cache } = process.env;
  const folder = own ?? cache ?? join(homedir(), '.cache');
  const found = ['mesa_shader_cache_db', 'mesa_shader_cache'].map((name) =>
    statSync(join(folder, name), { throwIfNoEntry: false })
  ).find((stats) => stats !== undefined);
  return `${folder} ${found?.ino} ${found?.birthtimeMs}`;
}
