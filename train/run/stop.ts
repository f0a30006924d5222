import { FirstlightError } from '../../engine/errors.ts';

/** A person, or the system, asked to stop. */
export class InterruptedError extends FirstlightError {
  /** 128 and the number of the signal. */
  readonly exitCode: number;

  constructor(what: string, exitCode: number, hint?: string) {
    super('FL_INTERRUPTED', `${what} was interrupted`, { exitCode }, hint);
    this.exitCode = exitCode;
  }
}

/**
 * Signals that ask a process to end, and the exit status of having done so. SIGHUP comes when a terminal is closed, on
 * Windows too, where SIGTERM never comes; SIGBREAK, Ctrl-Break, comes there alone. SIGUSR1 is what schedulers
 * send ahead of the end of a job's time, and what launchers of MPI pass on to all ranks.
 */
const SIGNALS = [['SIGINT', 130], ['SIGTERM', 143], ['SIGHUP', 129], ['SIGBREAK', 149], ['SIGUSR1', 138]] as const;

/** What tells of signals: the process, or one that tests put in its place. */
export type SignalSource = Pick<NodeJS.Process, 'on' | 'off' | 'exit'>;

/** Turns Ctrl-C and its like into a request to stop after the current step; a second one ends the process at once. */
export class StopRequest {
  #asked: number | undefined;
  #code: number | undefined;
  readonly #isShared: boolean;
  readonly #controller = new AbortController();
  readonly #source: SignalSource;
  readonly #listeners = new Map<NodeJS.Signals, () => void>();

  /** @param isShared it counts only once it is granted: other processes must stop with this one */
  constructor(source: SignalSource = process, { isShared = false } = {}) {
    this.#source = source;
    this.#isShared = isShared;
    for (const [signal, code] of SIGNALS) {
      const listener = () => {
        if (this.#asked !== undefined) source.exit(code);
        this.ask(code);
      };
      try {
        source.on(signal, listener);
        this.#listeners.set(signal, listener);
      } catch {
        // this system does not have the signal, so it never comes
      }
    }
  }

  /** The same without a signal of the system. The first request counts. */
  ask(code: number): void {
    this.#asked ??= code;
    if (!this.#isShared) this.grant(code);
  }

  /** What was asked of this process, granted or not. */
  get asked(): number | undefined {
    return this.#asked;
  }

  /** Makes a request count. */
  grant(code: number): void {
    this.#code ??= code;
    this.#controller.abort();
  }

  /** Tells who waits for something else. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The exit status to leave with, or undefined while nobody asked. */
  get code(): number | undefined {
    return this.#code;
  }

  /** Throws the request as an error that the command line turns into its exit status. */
  throwIfRequested(what: string, hint?: string): void {
    if (this.#code !== undefined) throw new InterruptedError(what, this.#code, hint);
  }

  [Symbol.dispose](): void {
    for (const [signal, listener] of this.#listeners) this.#source.off(signal, listener);
  }
}
