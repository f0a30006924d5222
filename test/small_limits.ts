import { type Gpu, open } from '../engine/index.ts';

/** A context that believes a binding holds only `bytes`, so that splitting can be tested with small tensors. */
export async function openWithBindings(bytes: number): Promise<Gpu> {
  const gpu = await open();
  const limits = new Proxy(gpu.limits, { get: (real, name) => (name === 'maxStorageBufferBindingSize' ? bytes : Reflect.get(real, name, real)) });
  Object.defineProperty(gpu, 'limits', { value: limits });
  return gpu;
}
