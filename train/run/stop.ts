import { FirstlightError } from '../../engine/errors.ts';

/** A person, or the system, asked to stop. */
export class InterruptedError extends FirstlightError {
  /** 130 for Ctrl-C, 143 for SIGTERM. */
  readonly exitCode: number;

  constructor(what: string, exitCode: number) {
    super('FL_INTERRUPTED', `${what} was interrupted`, { exitCode });
    this.exitCode = exitCode;
  }
}

/** Turns Ctrl-C and SIGTERM into a request to stop after the current step; a second one ends the process at once. */
export class StopRequest {
  #code: number | undefined;
  readonly #listeners = new Map<NodeJS.Signals, () => void>();

  constructor() {
    for (const [signal, code] of [['SIGINT', 130], ['SIGTERM', 143]] as const) {
      const listener = () => {
        if (this.#code !== undefined) process.exit(code);
        this.#code = code;
      };
      this.#listeners.set(signal, listener);
      process.on(signal, listener);
    }
  }

  /** The exit status to leave with, or undefined while nobody asked. */
  get code(): number | undefined {
    return this.#code;
  }

  /** Throws the request as an error that the command line turns into its exit status. */
  throwIfRequested(what: string): void {
    if (this.#code !== undefined) throw new InterruptedError(what, this.#code);
  }

  [Symbol.dispose](): void {
    for (const [signal, listener] of this.#listeners) process.off(signal, listener);
  }
}
