import type { Dataset } from './dataset.ts';

/** What reading costs a run: what the log says of it. */
export class LoadingRates {
  readonly #dataset: Pick<Dataset, 'decoded' | 'threads'>;
  #steps = 0;
  #seconds = 0;
  #before;

  constructor(dataset: Pick<Dataset, 'decoded' | 'threads'>) {
    this.#dataset = dataset;
    this.#before = dataset.decoded;
  }

  /** Notes how long a step has waited for its clips. */
  wait(seconds: number): void {
    this.#steps++;
    this.#seconds += seconds;
  }

  /**
   * Since the last call: `dataWait`, the seconds that a step has waited for its clips, in the mean; and
   * `decodedPerSecond`, the clips that all threads together decode while they do nothing else, if any was decoded.
   */
  take(): Record<string, number> {
    const { clips, milliseconds } = this.#dataset.decoded;
    const own = { clips: clips - this.#before.clips, milliseconds: milliseconds - this.#before.milliseconds };
    const values: Record<string, number> = {};
    if (this.#steps > 0) values.dataWait = this.#seconds / this.#steps;
    if (own.clips > 0 && own.milliseconds > 0) {
      values.decodedPerSecond = (1000 * this.#dataset.threads * own.clips) / own.milliseconds;
    }
    this.#before = { clips, milliseconds };
    this.#steps = 0;
    this.#seconds = 0;
    return values;
  }
}
