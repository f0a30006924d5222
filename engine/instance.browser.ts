/** WebGPU in a browser: its own. Node gets instance.node.ts, by `imports` of package.json. */
import { NoAdapterError } from './errors.ts';
import { browserInstance, type Instance } from './instance.ts';

/** @throws NoAdapterError where the browser has no WebGPU, or offers it only to pages from a secure origin */
export async function gpuInstance(): Promise<Instance> {
  const instance = browserInstance();
  if (instance !== undefined) return instance;
  throw new NoAdapterError([isSecureContext ? 'a browser without WebGPU' : 'a page that is not secure']);
}
