/** The page's side of the worker. */
import { FirstlightError } from '../../engine/errors.ts';
import { type AnswerTo, arrived, type Exchange, type FromWorker, type KernelExchange,
  type ToWorker } from './protocol.ts';

/** What is used of a `Worker`. */
export interface WorkerLike<X extends Exchange = KernelExchange> {
  postMessage(message: ToWorker<X>): void;
  terminate(): void;
  onmessage: ((event: MessageEvent<FromWorker<X>>) => void) | null;
  onerror: ((event: ErrorEvent) => void) | null;
}

/** Seconds without a word after which a worker that was asked something is given up. */
const SILENCE = 30;

/** A request that waits for its answer. */
interface Waiting<X extends Exchange> {
  readonly settle: (answer: AnswerTo<X>) => void;
  readonly fail: (error: FirstlightError) => void;
  readonly tell: (progress: X['progress']) => void;
}

/**
 * Asks a worker, which is made when it is first needed. One that fails, or that says nothing for 30 s, is ended, and
 * the next request makes another one: nothing else helps where a driver hangs.
 */
export class Client<X extends Exchange = KernelExchange> {
  readonly #make: () => WorkerLike<X>;
  readonly #silence: number;
  readonly #waiting = new Map<number, Waiting<X>>();
  #worker: WorkerLike<X> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #asked = 0;

  /** @param silence seconds, for tests */
  constructor(make: () => WorkerLike<X> = makeWorker, silence = SILENCE) {
    this.#make = make;
    this.#silence = silence;
  }

  /**
   * The answer to a request. The worker does one after another.
   *
   * @throws FirstlightError what went wrong in the worker, or that it did not answer
   */
  ask<R extends X['request']>(request: R, onProgress: (progress: X['progress']) => void = () => undefined): Promise<
    AnswerTo<X, R>
  > {
    const id = ++this.#asked;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { settle: resolve as Waiting<X>['settle'], fail: reject, tell: onProgress });
      try {
        this.#worker ??= this.#start();
        this.#worker.postMessage({ id, request });
        this.#listen();
      } catch (error) {
        this.#end(failed(error instanceof Error ? error.message : String(error)));
      }
    });
  }

  /** Ends all that is under way, with an error FL_STOPPED; what is asked later has another worker. */
  stop(): void {
    this.#end(new FirstlightError('FL_STOPPED', 'stopped', {}, 'start it again'));
  }

  #start(): WorkerLike<X> {
    const worker = this.#make();
    worker.onmessage = ({ data }) => {
      if (worker === this.#worker) this.#hear(data);
    };
    worker.onerror = ({ message }) => {
      if (worker === this.#worker) this.#end(failed(message));
    };
    return worker;
  }

  #hear(message: FromWorker<X>): void {
    const waiting = this.#waiting.get(message.id);
    if (message.kind !== 'progress') this.#waiting.delete(message.id);
    this.#listen();
    if (waiting === undefined) return;
    if (message.kind === 'progress') waiting.tell(message.progress);
    else if (message.kind === 'answer') waiting.settle(message.answer);
    else {
      waiting.fail(arrived(message.error));
      // a worker remembers what it could not load; the next one asks again
      if (message.error.code === 'FL_LOAD' && this.#waiting.size === 0) this.#end(arrived(message.error));
    }
  }

  /** Waits for the next word. */
  #listen(): void {
    clearTimeout(this.#timer);
    if (this.#waiting.size === 0) return;
    this.#timer = setTimeout(() => this.#end(silent(this.#silence)), this.#silence * 1000);
  }

  #end(error: FirstlightError): void {
    clearTimeout(this.#timer);
    this.#worker?.terminate();
    this.#worker = undefined;
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { fail } of waiting) fail(error);
  }
}

function makeWorker(): Worker {
  return new Worker(new URL('./worker.ts', import.meta.url), { type: 'module', name: 'firstlight' });
}

function silent(seconds: number): FirstlightError {
  return new FirstlightError('FL_WORKER_SILENT', `the GPU did not answer for ${seconds} s`, { seconds },
    'try again; if that does not help, restart the browser: no page can end what its GPU is at');
}

/** @param reason what the browser says, which may be nothing */
function failed(reason: string | undefined): FirstlightError {
  return new FirstlightError('FL_WORKER', `the worker failed: ${reason || 'it could not be loaded'}`, {},
    'try again, or reload the page');
}
