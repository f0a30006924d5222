import { type Gpu, open, type OpenOptions } from '../../engine/index.ts';
import type { Contexts } from '../../kernels/checking/check_room.ts';

/**
 * One context, opened when it is asked for and used again. One that was lost, or that refuses all work after an error,
 * is replaced by the next request.
 */
export class SharedContext implements Contexts {
  readonly #options: OpenOptions;
  readonly #prepare: (gpu: Gpu) => void;
  #opened: Promise<Gpu> | undefined;

  /** @param prepare is called with every context that is opened */
  constructor(options: OpenOptions = {}, prepare: (gpu: Gpu) => void = () => undefined) {
    this.#options = options;
    this.#prepare = prepare;
  }

  async current(): Promise<Gpu> {
    const gpu = await this.#opened?.catch(() => undefined);
    if (gpu !== undefined && isUsable(gpu)) return gpu;
    await this.close();
    return (this.#opened = this.#open());
  }

  async #open(): Promise<Gpu> {
    const gpu = await open(this.#options);
    this.#prepare(gpu);
    return gpu;
  }

  async renew(): Promise<Gpu> {
    await this.close();
    return this.current();
  }

  async close(): Promise<void> {
    const opened = this.#opened;
    this.#opened = undefined;
    await (await opened?.catch(() => undefined))?.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

function isUsable(gpu: Gpu): boolean {
  try {
    gpu.check();
    return true;
  } catch {
    return false;
  }
}
