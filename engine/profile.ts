import type { Gpu } from './gpu.ts';

/** GPU time of one dispatch. */
export interface KernelTime {
  readonly kernel: string;
  readonly nanoseconds: number;
}

const QUERIES = 4096;
const USAGE_RESOLVE = 0x200 | 0x04; // QUERY_RESOLVE | COPY_SRC

/** Timestamps around every dispatch of a stretch of commands. Needs the feature `timestamp-query`. */
export class Profile {
  readonly #gpu: Gpu;
  readonly #queries: GPUQuerySet;
  readonly #resolved: GPUBuffer;
  readonly #labels: string[] = [];
  readonly #times: KernelTime[] = [];

  constructor(gpu: Gpu) {
    this.#gpu = gpu;
    this.#queries = gpu.device.createQuerySet({ label: 'profile', type: 'timestamp', count: QUERIES });
    this.#resolved = gpu.device.createBuffer({ label: 'profile', size: QUERIES * 8, usage: USAGE_RESOLVE });
  }

  /** Timestamps for the next pass. */
  stamp(label: string): GPUComputePassTimestampWrites | undefined {
    const query = this.#labels.length * 2;
    if (query + 2 > QUERIES) return undefined;
    this.#labels.push(label);
    return { querySet: this.#queries, beginningOfPassWriteIndex: query, endOfPassWriteIndex: query + 1 };
  }

  resolve(encoder: GPUCommandEncoder): void {
    if (this.#labels.length > 0) encoder.resolveQuerySet(this.#queries, 0, this.#labels.length * 2, this.#resolved, 0);
  }

  /** Brings back the times of everything stamped since the last call. */
  async collect(): Promise<void> {
    this.#gpu.recorder.flush();
    const labels = this.#labels.splice(0);
    if (labels.length === 0) return;
    const stamps = new BigUint64Array(await this.#gpu.readBuffer(this.#resolved, 0, labels.length * 16));
    labels.forEach((kernel, i) => this.#times.push({ kernel, nanoseconds: Number(stamps[2 * i + 1] - stamps[2 * i]) }));
  }

  async finish(): Promise<KernelTime[]> {
    await this.collect();
    this.#queries.destroy();
    this.#resolved.destroy();
    return this.#times;
  }
}
