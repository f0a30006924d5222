import type { Gpu, OpenOptions } from '../engine/index.ts';
import { openWith } from './faulty_device.ts';

/** A context, and how often anything was mapped for the host to read: browsers take up to 100 ms for each. */
export async function openCounting(
  options: OpenOptions = {},
): Promise<
  { readonly gpu: Gpu; readonly readbacks: () => number; readonly [Symbol.asyncDispose]: () => Promise<void> }
> {
  let count = 0;
  const gpu = await openWith((real) => ({
    createBuffer(descriptor: GPUBufferDescriptor) {
      const buffer = real.createBuffer(descriptor);
      const map = buffer.mapAsync.bind(buffer);
      buffer.mapAsync = (...range) => {
        count++;
        return map(...range);
      };
      return buffer;
    },
  }), options);
  return { gpu, readbacks: () => count, [Symbol.asyncDispose]: () => gpu.close() };
}
