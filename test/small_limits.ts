import { type Gpu, open } from '../engine/index.ts';

/** A context that believes in other limits than its device has, so that splitting can be tested with small tensors. */
export async function openWithLimits(believed: { readonly maxStorageBufferBindingSize?: number; readonly maxBufferSize?: number }): Promise<Gpu> {
  const gpu = await open();
  const limits = new Proxy(gpu.limits, { get: (real, name) => Reflect.get(believed, name) ?? Reflect.get(real, name, real) });
  Object.defineProperty(gpu, 'limits', { value: limits });
  return gpu;
}

/** A context that believes a binding holds only `bytes`. */
export function openWithBindings(bytes: number): Promise<Gpu> {
  return openWithLimits({ maxStorageBufferBindingSize: bytes });
}
