import { type Context, part } from '../../engine/index.ts';

/** WGSL that declares matrices held by a subgroup, and their products: by the adapter's matrix units, or as plain WGSL says it. */
export const matrixParts = { units: await part(import.meta.url, './matrix/units.wgsl'), emulated: await part(import.meta.url, './matrix/emulated.wgsl') };

/** Features that a variant linked with the units needs. */
export const UNITS_NEED = ['subgroups', 'chromium-experimental-subgroup-matrix'] as const;

/** Constants that both parts are linked with: M × K times K × N, held by the lanes of a subgroup. */
export interface MatrixSizes extends Readonly<Record<string, number>> {
  readonly M: number;
  readonly N: number;
  readonly K: number;
  readonly SUBGROUP: number;
}

/** A size of matrices that the adapter's units multiply, as WebGPU's adapter information has it. */
interface Config {
  readonly componentType: string;
  readonly resultComponentType: string;
  readonly M: number;
  readonly N: number;
  readonly K: number;
}

/**
 * The largest matrices of f16 whose products the adapter's units add up in f32; undefined where it has none, or where subgroups may be
 * of several sizes, so that nobody knows how many of them a workgroup has.
 */
export function matrixUnits(gpu: Context): MatrixSizes | undefined {
  if (gpu.subgroupSize === 0 || !UNITS_NEED.every((feature) => gpu.features.has(feature))) return undefined;
  const { subgroupMatrixConfigs: configs = [] } = gpu.adapter.info as GPUAdapterInfo & { readonly subgroupMatrixConfigs?: readonly Config[] };
  const suitable = [...configs].filter(({ componentType, resultComponentType }) => componentType === 'f16' && resultComponentType === 'f32');
  const [largest] = suitable.sort((a, b) => b.M * b.N * b.K - a.M * a.N * a.K);
  return largest && { M: largest.M, N: largest.N, K: largest.K, SUBGROUP: gpu.subgroupSize };
}

/** Matrices for the emulation, as small as units have them: programs of larger ones take software adapters longer to compile. */
export function emulatedMatrices(gpu: Context): MatrixSizes {
  return { M: Math.min(8, gpu.subgroupSize), N: 8, K: 8, SUBGROUP: gpu.subgroupSize }; // as many rows as lanes, at most, so that a lane can share one
}
