import { type AdapterInfo, Gpu, type Program } from '../engine/index.ts';
import type { Instance } from '../engine/instance.ts';

/** The process dies when an instance is collected, as engine/instance.ts says. */
const pinned: GPU[] = [];

/**
 * A device of Dawn's null backend, which knows subgroup matrices without having any: it checks WGSL, builds pipelines,
 * and runs nothing. Its subgroups are of 4 to 128 lanes, so that a workgroup with subgroup matrices must be a multiple
 * of 128.
 *
 * @param info what the adapter is to say of itself, in place of the truth
 */
export async function nullDevice(
  info: AdapterInfo,
): Promise<{ readonly device: GPUDevice; readonly adapter: GPUAdapter; readonly instance: Instance }> {
  const { create } = await import('webgpu');
  const instance = create(['backend=null', 'enable-dawn-features=allow_unsafe_apis']);
  pinned.push(instance);
  const adapter = await instance.requestAdapter();
  if (adapter === null) throw new Error('Dawn has no null backend');
  const requiredFeatures = ['shader-f16', 'subgroups', 'subgroup-size-control',
    'chromium-experimental-subgroup-matrix'] as GPUFeatureName[];
  const device = await adapter.requestDevice({ requiredFeatures });
  const said = { features: adapter.features, limits: adapter.limits,
    info: { vendor: '', architecture: '', device: '', description: 'a card', ...info } };
  return { device, adapter: said as unknown as GPUAdapter,
    instance: { gpu: instance, where: 'node', language: new Set(), version: 'null' } };
}

/** A context on it. @param language what its WGSL has beyond what every WebGPU has */
export async function nullGpu(info: AdapterInfo = {}, language: readonly string[] = []): Promise<Gpu> {
  const { device, adapter, instance } = await nullDevice(info);
  return new Gpu(device, adapter, { ...instance, language: new Set(language) }, {});
}

/** A context whose device reads storage textures, as llvmpipe and cards do. @param most lanes of a subgroup */
export function nullGpuWithTextures(info: AdapterInfo, least: number, most = least): Promise<Gpu> {
  return nullGpu({ ...info, subgroupMinSize: least, subgroupMaxSize: most }, [
    'readonly_and_readwrite_storage_textures',
  ]);
}

/** What is wrong with a program, or undefined where its pipeline can be built. */
export async function pipelineError({ device }: Gpu,
  { code, entry }: Pick<Program, 'code' | 'entry'>): Promise<string | undefined> {
  device.pushErrorScope('validation');
  const module = device.createShaderModule({ code });
  device.createComputePipeline({ layout: 'auto', compute: { module, entryPoint: entry } });
  const error = await device.popErrorScope();
  const first = (await module.getCompilationInfo()).messages.find(({ type }) => type === 'error');
  return first?.message ?? error?.message;
}
