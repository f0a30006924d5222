/** What this adapter can do at most, measured by kernels that do nothing else. Never taken from a data sheet. */
import { type FloatType, type Gpu, Kernel, part, Tensor } from '../../engine/index.ts';

const copy = new Kernel('roof_copy', [await part(import.meta.url, './copy.wgsl')]);
const fma = new Kernel('roof_fma', [await part(import.meta.url, './fma.wgsl')]);
const MATRIX_FEATURE = 'chromium-experimental-subgroup-matrix';
export const matrixKernel = new Kernel('roof_subgroup_matrix', [], {
  matrix: { parts: [await part(import.meta.url, './subgroup_matrix.wgsl')], needs: ['subgroups', MATRIX_FEATURE] },
});

/** Rates of one adapter: bytes and operations per nanosecond. */
export interface Roofs {
  /** Read and written by a copy of f32. */
  readonly gbps: number;
  readonly gflops: number;
  /** Arithmetic in f16; undefined without `shader-f16`. */
  readonly halfGflops?: number;
  /** f16 products added up in f32 by matrix units; undefined where the adapter offers none. */
  readonly matrixGflops?: number;
}

/** A size of matrices that the adapter's units multiply, as WebGPU's adapter information has it. */
interface MatrixConfig {
  readonly componentType: string;
  readonly resultComponentType: string;
  readonly M: number;
  readonly N: number;
  readonly K: number;
}

/** Lanes of a workgroup, and operations of one lane in one round: as fma.wgsl has them. */
const FMA = { workgroup: 64, flops: 4 * 4 * 4 * 2 };
const COPY_WORKGROUP = 256;
const MATRIX = { workgroup: 128, products: 4 };

/** Large enough to fill a machine of the kind for some milliseconds, beyond its caches. */
const SIZES = {
  software: { copyBytes: 2 ** 24, fmaLanes: 2 ** 14, fmaRounds: 100, matrixGroups: 16, matrixRounds: 1000 },
  hardware: { copyBytes: 2 ** 28, fmaLanes: 2 ** 20, fmaRounds: 1000, matrixGroups: 4096, matrixRounds: 4000 },
};

interface Roof {
  readonly name: keyof Roofs;
  /** Bytes or operations of one run. */
  readonly work: number;
  run(): void;
}

/** Kernels and their memory, ready to be run again and again between those that they are compared with. */
export class RoofKernels {
  readonly #gpu: Gpu;
  readonly #roofs: readonly Roof[];
  readonly #tensors: Tensor[] = [];

  constructor(gpu: Gpu) {
    this.#gpu = gpu;
    const half = gpu.features.has('shader-f16');
    const matrix = this.#matrixRoof();
    this.#roofs = [this.#copyRoof(), this.#fmaRoof('gflops', 'f32'), ...(half ? [this.#fmaRoof('halfGflops', 'f16')] : []), ...(matrix === undefined ? [] : [matrix])];
  }

  #tensor(elements: number, type: FloatType, values?: readonly number[]): Tensor {
    const tensor = this.#gpu.keep(Tensor.empty(this.#gpu, [elements], type, 'roof'));
    if (values === undefined) this.#gpu.clear(tensor);
    else tensor.write(Float32Array.from(values));
    this.#tensors.push(tensor);
    return tensor;
  }

  #copyRoof(): Roof {
    const elements = Math.min(SIZES[this.#gpu.kind].copyBytes, this.#gpu.limits.maxStorageBufferBindingSize / 2) / 4;
    const [x, y] = [this.#tensor(elements, 'f32'), this.#tensor(elements, 'f32')];
    const packs = elements / 4;
    const run = () => copy.run(this.#gpu, { tensors: { x, y }, params: { packs }, grid: Math.ceil(packs / COPY_WORKGROUP) });
    return { name: 'gbps', work: 8 * elements, run };
  }

  #fmaRoof(name: keyof Roofs, type: FloatType): Roof {
    const { fmaLanes, fmaRounds } = SIZES[this.#gpu.kind];
    // factor and addend of each column: chains run to 2, where no machine is slower than elsewhere
    const [x, y] = [this.#tensor(8, type, [0.5, 0.5, 0.5, 0.5, 1, 1, 1, 1]), this.#tensor(4 * fmaLanes, type)];
    const run = () => fma.run(this.#gpu, { tensors: { x, y }, params: { rounds: fmaRounds }, grid: fmaLanes / FMA.workgroup });
    return { name, work: fmaLanes * fmaRounds * FMA.flops, run };
  }

  /** The largest configuration of f16 products with f32 sums. */
  #matrixRoof(): Roof | undefined {
    const gpu = this.#gpu;
    if (!gpu.features.has(MATRIX_FEATURE)) return undefined;
    const { subgroupMatrixConfigs: configs = [] } = gpu.adapter.info as GPUAdapterInfo & { readonly subgroupMatrixConfigs?: readonly MatrixConfig[] };
    const suitable = configs.filter(({ componentType, resultComponentType }) => componentType === 'f16' && resultComponentType === 'f32');
    const [config] = [...suitable].sort((a, b) => b.M * b.N * b.K - a.M * a.N * a.K);
    if (config === undefined || gpu.subgroupSize === 0) return undefined;
    const { M, N, K } = config;
    const { matrixGroups, matrixRounds } = SIZES[gpu.kind];
    const products = matrixGroups * (MATRIX.workgroup / gpu.subgroupSize) * MATRIX.products;
    const [a, b, y] = [this.#tensor(M * K, 'f16'), this.#tensor(K * N, 'f16'), this.#tensor(products * M * N, 'f32')];
    const run = () => matrixKernel.run(gpu, { tensors: { a, b, y }, params: { rounds: matrixRounds }, constants: { M, N, K, SUBGROUP: gpu.subgroupSize }, grid: matrixGroups });
    return { name: 'matrixGflops', work: products * matrixRounds * 2 * M * N * K, run };
  }

  /** Runs each of them once. */
  async measure(): Promise<Roofs> {
    const times = await this.#gpu.profile(() => this.#roofs.forEach(({ run }) => run()));
    return Object.fromEntries(this.#roofs.map(({ name, work }, i) => [name, work / times[i].nanoseconds])) as unknown as Roofs;
  }

  dispose(): void {
    for (const tensor of this.#tensors) tensor.dispose();
  }
}

/** The best of several runs: a roof is what nothing rises above. */
export async function measureRoofs(gpu: Gpu, rounds = 7): Promise<Roofs> {
  const kernels = new RoofKernels(gpu);
  let best: Roofs | undefined;
  for (let round = 0; round < rounds; round++) best = highest(best, await kernels.measure());
  kernels.dispose();
  return best as Roofs;
}

/** The larger of each rate. */
export function highest(a: Roofs | undefined, b: Roofs): Roofs {
  if (a === undefined) return b;
  return Object.fromEntries(Object.entries(b).map(([name, rate]) => [name, Math.max(rate, a[name as keyof Roofs] ?? 0)])) as unknown as Roofs;
}

/** Nanoseconds that the work would take if nothing but the roofs were in its way. Williams et al. 2009, the roofline model. */
export function leastNanoseconds({ flops, bytes }: { readonly flops: number; readonly bytes: number }, { gflops, gbps }: Roofs): number {
  return Math.max(flops / gflops, bytes / gbps);
}
