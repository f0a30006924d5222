/** WebGPU in a browser: its own. Node gets instance.node.ts, by `imports` of package.json. */
import { noAdapterInBrowser } from './adapter.ts';
import { browserInstance, type Instance } from './instance.ts';

/** @throws NoAdapterError where the browser has no WebGPU, or offers it only to pages from a secure origin */
export async function gpuInstance(): Promise<Instance> {
  const instance = browserInstance();
  if (instance !== undefined) return instance;
  throw noAdapterInBrowser();
}
