import { type Gpu, open, type OpenOptions } from '../../engine/index.ts';
import type { Contexts } from '../../kernels/checking/check_room.ts';

/**
 * One context, opened when it is asked for and used again. One that was lost, or that refuses all work after an error,
 * is replaced by the next request.
 */
export class SharedContext implements Contexts {
  readonly #options: OpenOptions;
  #opened: Promise<Gpu> | undefined;

  constructor(options: OpenOptions = {}) {
    this.#options = options;
  }

  async current(): Promise<Gpu> {
    const gpu = await this.#opened?.catch(() => undefined);
    if (gpu !== undefined && isUsable(gpu)) return gpu;
    await this.close();
    return (this.#opened = open(this.#options));
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
