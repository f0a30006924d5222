/**
 * What libraries for browsers expect to find, in Node: `navigator.gpu` and the globals of WebGPU, of the same Dawn on
 * the same adapter.
 */
import { gpuInstance } from '../../engine/instance.node.ts';

/** Every device that was made of it, so that somebody can wait for all of them. */
export const devices: GPUDevice[] = [];

/** `Iterator.prototype.map` and its kin came with Node 22. */
function completeIterators(): void {
  const prototype = Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]())) as Record<string, unknown>;
  if ('map' in prototype) return;
  const define = (name: string, value: unknown) =>
    Object.defineProperty(prototype, name, { value, configurable: true, writable: true });
  define('map', function*<T, R>(this: Iterable<T>, fn: (value: T, index: number) => R) {
    let i = 0;
    for (const value of this) yield fn(value, i++);
  });
  define('filter', function*<T>(this: Iterable<T>, fn: (value: T, index: number) => boolean) {
    let i = 0;
    for (const value of this) if (fn(value, i++)) yield value;
  });
  define('toArray', function<T>(this: Iterable<T>) {
    return [...this];
  });
}

/** Makes this process look like a browser to a library that computes on WebGPU. */
export async function pretendBrowser(): Promise<void> {
  completeIterators();
  const { gpu } = await gpuInstance();
  const requestAdapter = gpu.requestAdapter.bind(gpu);
  gpu.requestAdapter = async (options) => {
    const adapter = await requestAdapter(options);
    if (adapter === null) return null;
    const requestDevice = adapter.requestDevice.bind(adapter);
    adapter.requestDevice = async (descriptor) => {
      const device = await requestDevice(descriptor);
      copySharedViews(device.queue);
      devices.push(device);
      return device;
    };
    return adapter;
  };
  if (!('navigator' in globalThis)) {
    Object.defineProperty(globalThis, 'navigator', { value: { userAgent: 'Node' }, configurable: true,
      writable: true });
  }
  Object.defineProperty(navigator, 'gpu', { value: gpu, configurable: true });
  Object.assign(globalThis, { self: globalThis });
}

/** WebAssembly with threads writes from shared memory, which browsers take and this binding does not. */
function copySharedViews(queue: GPUQueue): void {
  const writeBuffer = queue.writeBuffer.bind(queue);
  queue.writeBuffer = (buffer: GPUBuffer, offset: number, data: GPUAllowSharedBufferSource, start?: number,
    size?: number) => {
    const memory = ArrayBuffer.isView(data) ? data.buffer : data;
    if (!(memory instanceof SharedArrayBuffer)) return writeBuffer(buffer, offset, data, start, size);
    const unit = ArrayBuffer.isView(data) && 'BYTES_PER_ELEMENT' in data ? (data.BYTES_PER_ELEMENT as number) : 1;
    const from = (ArrayBuffer.isView(data) ? data.byteOffset : 0) + (start ?? 0) * unit;
    const bytes = size === undefined ? data.byteLength - (start ?? 0) * unit : size * unit;
    return writeBuffer(buffer, offset, new Uint8Array(memory, from, bytes).slice());
  };
}

/** Resolves when all that was submitted to these devices is done. */
export async function idle(): Promise<void> {
  await Promise.all(devices.map(({ queue }) => queue.onSubmittedWorkDone()));
}
