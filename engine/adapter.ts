import { browserAdvice, browserName } from './browser_advice.ts';
import { NoAdapterError } from './errors.ts';
import type { Instance } from './instance.ts';

/** Milliseconds until a machine that was asked too early is asked again. */
const AWAKE = 200;

/** The best adapter there is. Some machines answer that they have none while their GPU process starts. */
export async function adapterOf({ gpu, where }: Instance): Promise<GPUAdapter> {
  const ask = () =>
    gpu.requestAdapter({ powerPreference: 'high-performance' }).catch((error: unknown) => {
      // a browser whose build leaves WebGPU out has a navigator.gpu all the same
      throw where === 'node' ? error : noAdapterInBrowser(error instanceof Error ? error.message : String(error));
    });
  let adapter = await ask();
  if (adapter === null) {
    await new Promise((resolve) => setTimeout(resolve, AWAKE));
    adapter = await ask();
  }
  if (adapter !== null) return adapter;
  throw where === 'node' ? new NoAdapterError(['Dawn (Vulkan)']) : noAdapterInBrowser();
}

/** What a page is told, and a worker. @param refusal what the browser said, if it said anything */
export function noAdapterInBrowser(refusal?: string): NoAdapterError {
  // a bundle for browsers may run where there is none
  const { userAgent = '', gpu }: { readonly userAgent?: string; readonly gpu?: GPU } = globalThis.navigator ?? {};
  const surroundings = { userAgent, isSecureContext: globalThis.isSecureContext, hasGpu: gpu !== undefined, refusal };
  const said = refusal === undefined ? '' : `, which says: ${refusal.replace(/\.$/, '')}`;
  return new NoAdapterError([browserName(userAgent) + said], browserAdvice(surroundings));
}
