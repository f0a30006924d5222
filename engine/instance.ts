/** The browser's or Dawn's entry to WebGPU. */
const pinned = new Set<object>();

export async function gpuInstance(): Promise<{ gpu: GPU; where: 'node' | 'browser' }> {
  if (typeof navigator !== 'undefined' && 'gpu' in navigator && navigator.gpu !== undefined) return { gpu: navigator.gpu, where: 'browser' };
  const { create, globals } = await import('webgpu');
  Object.assign(globalThis, globals);
  const gpu = create(['enable-dawn-features=allow_unsafe_apis', 'disable-dawn-features=timestamp_quantization']);
  pinned.add(gpu);
  return { gpu, where: 'node' };
}
