/** What a page measured with: as much as its browser tells. */
import type { Gpu } from '../../engine/index.ts';
import type { Environment } from '../../train/report/data.ts';

/** The part of `navigator` that says on what a page runs; Chrome's alone has the first. */
interface Platform {
  readonly userAgentData?: { readonly platform: string };
  readonly platform?: string;
  readonly hardwareConcurrency?: number;
}

/** Adapter, browser and system. Browsers hide driver and backend; the version of Firstlight the page knows. */
export function browserEnvironment(gpu: Gpu,
  platform: Platform = (globalThis as { navigator?: Platform }).navigator ?? {}): Environment {
  const { vendor, architecture, description } = gpu.adapter.info;
  const { dawn } = gpu.candidates.machine;
  const [name, version] = /^(\w+)[ /]([\d.]+)/.exec(dawn)?.slice(1) ?? ['WebGPU', dawn];
  const system = platform.userAgentData?.platform || platform.platform || 'an unknown system';
  return {
    adapter: gpu.name,
    driver: description || `${vendor} ${architecture}`.trim(),
    backend: 'WebGPU of a browser',
    isSoftware: gpu.kind === 'software',
    machine: `${system}, ${platform.hardwareConcurrency ?? 'unknown'} cores`,
    versions: { [name]: version },
    candidates: gpu.candidates.used,
  };
}
