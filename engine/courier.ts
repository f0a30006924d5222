import type { Context } from './context.ts';
import { dispose } from './disposal.ts';
import { HEADER_BYTES, Landing } from './landing.ts';
import { roundUp } from './plan.ts';
import type { AnyTensor } from './tensor.ts';

/**
 * Brings tensors to the host again and again, through a buffer of its own that is made once. The host reads them where
 * they land, without a copy.
 */
export class Courier {
  readonly #gpu: Context;
  readonly #bytes: number;
  readonly #landing: Landing;

  /** @param bytes of all that lands; if they are more than the tensors', zeros follow */
  constructor(gpu: Context, bytes: number) {
    this.#gpu = gpu;
    this.#bytes = bytes;
    this.#landing = new Landing(gpu, gpu.buffers, gpu.canary, 'a courier', roundUp(HEADER_BYTES + bytes, 8));
  }

  /** Submits copies of tensors, one behind the other, as they are behind all that was submitted before. */
  send(tensors: readonly AnyTensor[]): void {
    this.#gpu.recorder.flush();
    let at = HEADER_BYTES;
    this.#landing.copy(tensors.map(({ storage, byteOffset, bytes }) => {
      const stretch = { buffer: storage.buffer, offset: storage.base + byteOffset, at, bytes };
      at += bytes;
      return stretch;
    }));
  }

  /**
   * What was sent, once it is there; what was submitted later may still run. It lasts until `leave`, which comes before
   * anything is sent again.
   */
  async arrive(): Promise<Uint8Array> {
    return new Uint8Array(await this.#landing.arrive(this.#landing.size), HEADER_BYTES, this.#bytes);
  }

  /** The host is done with what arrived. */
  leave(): void {
    this.#landing.leave();
  }

  dispose(): void {
    this.#landing.destroy();
  }

  [dispose](): void {
    this.dispose();
  }
}
