/** WebGPU in Node: that of Dawn. A browser gets instance.browser.ts, by `imports` of package.json. */
import { FirstlightError, NoAdapterError } from './errors.ts';
import { browserInstance, type Instance, languageOf, type Warmer } from './instance.ts';
import { type AdapterInfo, isLavapipe } from './software.mjs';
import { helpersNow, mesaCache, mesaKeeps, ProcessWarmer } from './warmer.node.ts';

/** Off by default: immediates and subgroup matrices. On by default: rounded timestamps. */
const TOGGLES = { enable: ['allow_unsafe_apis'], disable: ['timestamp_quantization'] };
/**
 * SwiftShader writes out the zeros of workgroup memory word by word and compiles for seconds; as WGSL they are a loop.
 */
const SLOW_IN_SWIFTSHADER = 'use_vulkan_zero_initialize_workgroup_memory_extension';

/**
 * The process dies at a garbage collection after Dawn's instance became unreachable, so it stays reachable, from two
 * sides.
 */
const pinned = new Set<GPU>();
const PIN = Symbol.for('firstlight.instance');

let node: Promise<Instance> | undefined;

/** @throws FirstlightError FL_NO_WEBGPU where the package is not installed that brings Node a WebGPU */
function requirePackage(): void {
  try {
    import.meta.resolve('webgpu');
  } catch (cause) {
    throw new FirstlightError('FL_NO_WEBGPU',
      'Node has no WebGPU of its own, and the package "webgpu", which brings it, is not installed', {},
      'npm install webgpu', cause);
  }
}

/** Chooses the driver in a process that engine/setup/run.mjs did not start. */
async function prepare(): Promise<void> {
  const script = new URL('./setup/in_process.mjs', import.meta.url).href;
  const { prepareProcess } = (await import(script)) as typeof import('./setup/in_process.mjs');
  try {
    await prepareProcess();
  } catch (error) {
    const tried = error instanceof Error && 'tried' in error
      ? (error.tried as string[])
      : [error instanceof Error ? error.message : String(error)];
    throw new NoAdapterError(tried);
  }
}

/** Of the package `webgpu`: each holds one Dawn. */
async function packageVersion(): Promise<string> {
  const { readFile } = await import('node:fs/promises');
  const { version } = JSON.parse(await readFile(new URL(import.meta.resolve('webgpu/package.json')), 'utf8')) as {
    version: string;
  };
  return version;
}

async function createInNode(): Promise<Instance> {
  requirePackage();
  if (process.env.FIRSTLIGHT_PREPARED === undefined) await prepare();
  const { create, globals } = await import('webgpu');
  Object.assign(globalThis, globals); // GPUBufferUsage and its like
  const disable = process.env.FIRSTLIGHT_PREPARED === 'swiftshader'
    ? [...TOGGLES.disable, SLOW_IN_SWIFTSHADER]
    : TOGGLES.disable;
  const device = process.env.FIRSTLIGHT_DEVICE; // a part of its name
  const flags = [`enable-dawn-features=${TOGGLES.enable}`, `disable-dawn-features=${disable}`,
    ...(device === undefined ? [] : [`adapter=${device}`])];
  const gpu = create(flags);
  pinned.add(gpu);
  Object.defineProperty(globalThis, PIN, { value: pinned, configurable: true });
  const version = `webgpu ${await packageVersion()}`;
  return { gpu, where: 'node', language: languageOf(gpu), version,
    warmer: (device, info, processes) => warmerOf(device, info, { flags, version, processes }) };
}

/** Where the driver compiles in the run, and has a cache that another process can fill. */
function warmerOf({ features, limits }: GPUDevice, info: AdapterInfo,
  { flags, version, processes = helpersNow() }: { readonly flags: readonly string[]; readonly version: string;
    readonly processes?: number }): Warmer | undefined {
  if (!isLavapipe(info) || processes === 0 || !mesaKeeps()) return undefined;
  const { maxBufferSize, maxStorageBufferBindingSize, maxComputeWorkgroupStorageSize, maxComputeInvocationsPerWorkgroup,
    maxComputeWorkgroupSizeX } = limits;
  return new ProcessWarmer({ flags, features: [...features],
    limits: { maxBufferSize, maxStorageBufferBindingSize, maxComputeWorkgroupStorageSize,
      maxComputeInvocationsPerWorkgroup, maxComputeWorkgroupSizeX } }, mesaCache, {
    compiler: `${version} ${info.description}`,
    processes,
  });
}

/** Dawn's WebGPU, made once and kept for the life of the process; that of the process, if it has one. */
export async function gpuInstance(): Promise<Instance> {
  return browserInstance() ?? (node ??= createInNode());
}
