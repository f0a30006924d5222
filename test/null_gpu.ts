import { Gpu, type Program } from '../engine/index.ts';

/** The process dies when an instance is collected, as engine/instance.ts says. */
const pinned: GPU[] = [];

/**
 * A context on Dawn's null backend, which knows subgroup matrices without having any: it checks WGSL, builds pipelines, and runs nothing.
 * Its subgroups are of 4 to 128 lanes, so that a workgroup with subgroup matrices must be a multiple of 128.
 */
export async function nullGpu(): Promise<Gpu> {
  const { create } = await import('webgpu');
  const instance = create(['backend=null', 'enable-dawn-features=allow_unsafe_apis']);
  pinned.push(instance);
  const adapter = await instance.requestAdapter();
  if (adapter === null) throw new Error('Dawn has no null backend');
  const requiredFeatures = ['shader-f16', 'subgroups', 'chromium-experimental-subgroup-matrix'] as GPUFeatureName[];
  return new Gpu(await adapter.requestDevice({ requiredFeatures }), adapter, { gpu: instance, where: 'node', version: 'null' }, {});
}

/** What is wrong with a program, or undefined where its pipeline can be built. */
export async function pipelineError({ device }: Gpu, { code, entry }: Pick<Program, 'code' | 'entry'>): Promise<string | undefined> {
  device.pushErrorScope('validation');
  const module = device.createShaderModule({ code });
  device.createComputePipeline({ layout: 'auto', compute: { module, entryPoint: entry } });
  const error = await device.popErrorScope();
  const first = (await module.getCompilationInfo()).messages.find(({ type }) => type === 'error');
  return first?.message ?? error?.message;
}
