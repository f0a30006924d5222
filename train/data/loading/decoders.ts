import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { FirstlightError, VideoDecodeError } from '../../../engine/errors.ts';
import { duration } from '../../log/progress.ts';
import { type CacheRoom, ClipCache } from './clip_cache.ts';
import type { Answer, Job, Refusal } from './answer.ts';
import type { Start } from './decoder_thread.ts';
import type { Sample, SampleRequest } from './plan.ts';
import { readSample } from './sample.ts';

/** What the threads run: as TypeScript it has to be loaded by another program, published it runs as it is. */
const PROGRAM = new URL('./decoder_thread.ts', import.meta.url);
const WORKER = PROGRAM.pathname.endsWith('.ts') ? new URL('./decoder.worker.mjs', import.meta.url) : PROGRAM;

/** A thread without work ends after this long, and is started anew when there is some. */
const IDLE_MS = 60_000;

/** How long the end of a thread is put off until its file is decoded. */
const CLOSE_MS = 10_000;

/** A file that takes longer is told of, again and again: its disk may have gone. */
const LONG_MS = 60_000;

/** A thread ended that had a file to decode. */
export class DecoderEndedError extends FirstlightError {
  constructor(path: string, reason: string, cause?: unknown) {
    super('FL_DECODER', `the thread that decoded ${path} ended: ${reason}`, { path, reason },
      'go on with --resume; with --set data.workers=0 files are decoded in the main thread', cause);
  }
}

interface Waiting {
  readonly request: SampleRequest;
  readonly resolve: (sample: Sample) => void;
  readonly reject: (error: unknown) => void;
}

interface Thread {
  readonly worker: Worker;
  job: (Waiting & { readonly id: number }) | undefined;
  /** Tells of a job that takes long. */
  watch: NodeJS.Timeout | undefined;
  idle: NodeJS.Timeout | undefined;
  /** What it said was wrong before it ended. */
  error: unknown;
}

/** Work done so far. */
export interface DecodeCounts {
  readonly clips: number;
  /** Of all threads together. */
  readonly milliseconds: number;
}

/**
 * Threads that a run decodes in if it does not say: one is left to feed the GPU.
 * @param onHost processes that share the machine
 */
export const freeProcessors = (onHost = 1): number => Math.max(1, Math.floor(availableParallelism() / onHost) - 1);

/** A thread that decodes has to be worth its start. */
const CLIPS_PER_THREAD = 8;

/** Threads that are worth their start for so many clips, each decoded once; 0: none is. */
export const threadsFor = (clips: number): number => Math.min(freeProcessors(), Math.floor(clips / CLIPS_PER_THREAD));

export interface DecodersOptions {
  /** Where decoded clips are kept and found. */
  readonly room?: CacheRoom;
  /** Told what a person should know, and what changes no sample. */
  readonly onTrouble?: (sentence: string) => void;
  /** What the threads run; another one in tests. */
  readonly worker?: URL;
  /** Milliseconds after which a file is told of that is not decoded yet. */
  readonly longMs?: number;
  /** Milliseconds that a file has to be decoded in when the threads are ended. */
  readonly closeMs?: number;
}

/**
 * Decodes samples in threads of their own, as many at once, in the order in which they are asked for. Threads are
 * started when there is work for them.
 */
export class Decoders {
  /** 0: all is decoded in the thread that asks, one at a time. */
  readonly threads: number;
  readonly #options: DecodersOptions;
  readonly #cache: ClipCache | undefined;
  readonly #running = new Set<Thread>();
  readonly #queue: Waiting[] = [];
  #isBusyHere = false;
  #isClosed = false;
  #ids = 0;
  #counts: DecodeCounts = { clips: 0, milliseconds: 0 };

  constructor(threads: number, options: DecodersOptions = {}) {
    this.threads = threads;
    this.#options = options;
    this.#cache = options.room && new ClipCache(options.room);
  }

  get counts(): DecodeCounts {
    return this.#counts;
  }

  /** @throws VideoDecodeError naming the file and the reason, DecoderEndedError */
  read(request: SampleRequest): Promise<Sample> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ request, resolve, reject });
      this.#dispatch();
    });
  }

  /**
   * Ends the threads, each after the file that it decodes: one that is ended in the middle of a call of FFmpeg's may
   * take the process with it. What has not begun by then never will.
   */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#queue.length = 0;
    await Promise.all([...this.#running].map(async (thread) => {
      if (thread.job !== undefined) await this.#answerOf(thread);
      await this.#end(thread);
    }));
  }

  /** Waits until a thread has answered, or ended, or takes too long for it. */
  #answerOf({ worker }: Thread): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, this.#options.closeMs ?? CLOSE_MS);
      const settle = () => {
        clearTimeout(timer);
        resolve();
      };
      worker.once('message', settle);
      worker.once('exit', settle);
    });
  }

  #dispatch(): void {
    if (this.threads === 0) return void this.#readHere();
    while (this.#queue.length > 0 && !this.#isClosed) {
      const thread = [...this.#running].find(({ job }) => job === undefined) ?? this.#start();
      if (thread === undefined) return;
      const job = { id: this.#ids++, ...(this.#queue.shift() as Waiting) };
      thread.job = job;
      this.#watch(thread, job.request.path);
      clearTimeout(thread.idle);
      thread.worker.ref();
      thread.worker.postMessage({ id: job.id, request: job.request } satisfies Job);
    }
  }

  async #readHere(): Promise<void> {
    if (this.#isBusyHere) return;
    this.#isBusyHere = true;
    while (this.#queue.length > 0) {
      // decoding is synchronous: between two files others get their turn
      await new Promise((resolve) => setImmediate(resolve));
      const next = this.#queue.shift();
      if (next === undefined) break;
      const start = performance.now();
      await readSample(next.request, this.#cache).then(next.resolve, next.reject);
      this.#note(performance.now() - start, this.#cache?.takeTrouble());
    }
    this.#isBusyHere = false;
  }

  #note(milliseconds: number, trouble?: string): void {
    this.#counts = { clips: this.#counts.clips + 1, milliseconds: this.#counts.milliseconds + milliseconds };
    if (trouble !== undefined) this.#options.onTrouble?.(trouble);
  }

  #watch(thread: Thread, path: string): void {
    const { longMs = LONG_MS, onTrouble } = this.#options;
    const start = performance.now();
    thread.watch = setInterval(
      () =>
        onTrouble?.(
          `${path} has been decoded for ${
            duration((performance.now() - start) / 1000)
          }; the run waits for it: is its disk still there?`,
        ),
      longMs,
    ).unref();
  }

  /** Undefined if there are enough. */
  #start(): Thread | undefined {
    if (this.#running.size >= this.threads) return undefined;
    // what this process preloads is no matter of its threads
    const { worker = WORKER, room } = this.#options;
    const thread: Thread = { worker: new Worker(worker, { execArgv: [], workerData: { room } satisfies Start }),
      job: undefined, watch: undefined, idle: undefined, error: undefined };
    this.#running.add(thread);
    thread.worker.on('message', (answer: Answer) => this.#finish(thread, answer));
    thread.worker.on('messageerror', (error) => {
      thread.error = error;
      void this.#end(thread);
    });
    thread.worker.on('error', (error) => {
      thread.error = error;
    });
    thread.worker.on('exit', (code) => this.#noteEnd(thread, code));
    return thread;
  }

  #finish(thread: Thread, { sample, refusal, trouble, milliseconds }: Answer): void {
    // answered while its end is waited for, it must hold the process until then
    if (!this.#running.has(thread)) return;
    const job = thread.job as Waiting;
    thread.job = undefined;
    clearInterval(thread.watch);
    thread.worker.unref();
    thread.idle = setTimeout(() => void this.#end(thread), IDLE_MS).unref();
    this.#note(milliseconds, trouble);
    if (sample !== undefined) job.resolve(sample);
    else job.reject(errorOf(refusal as Refusal));
    this.#dispatch();
  }

  #noteEnd(thread: Thread, exitCode: number): void {
    this.#running.delete(thread);
    clearTimeout(thread.idle);
    clearInterval(thread.watch);
    const { job, error } = thread;
    if (this.#isClosed) return;
    if (job !== undefined) {
      const reason = error === undefined ? `exit code ${exitCode}` : String((error as Error).message ?? error);
      job.reject(new DecoderEndedError(job.request.path, reason, error));
    }
    this.#dispatch();
  }

  async #end(thread: Thread): Promise<void> {
    this.#running.delete(thread);
    clearTimeout(thread.idle);
    clearInterval(thread.watch);
    thread.worker.ref(); // an idle one does not hold the process, which may have nothing else to wait for
    await thread.worker.terminate();
  }
}

/** The error that a thread told of. */
function errorOf({ code, message, context, hint }: Refusal): FirstlightError {
  return code === 'FL_VIDEO'
    ? new VideoDecodeError(String(context.file), String(context.reason), undefined, hint)
    : new FirstlightError(code, message, context, hint);
}
