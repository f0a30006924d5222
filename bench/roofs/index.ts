/** What this adapter can do at most, measured by kernels that do nothing else. Never taken from a data sheet. */
import { flat, type FloatType, type Gpu, Kernel, part, flatTiles, Tensor } from '../../engine/index.ts';
import { entries, matrixUnits, NEEDS } from '../../kernels/shared/matrix.ts';
import type { Clock } from '../clock.ts';
import type { Control, Roofs } from './rates.ts';

export * from './rates.ts';

const copy = new Kernel('roof_copy', [await part(import.meta.url, './copy.wgsl'), flat]);
const fma = new Kernel('roof_fma', [await part(import.meta.url, './fma.wgsl')]);
export const matrixKernel = new Kernel('roof_subgroup_matrix', [await part(import.meta.url, './subgroup_matrix.wgsl')],
  {
    one: { parts: [entries.one], needs: NEEDS.one },
    sized: { parts: [entries.sized], needs: NEEDS.sized },
  });

/** Lanes of a workgroup, and operations of one lane in one round: as fma.wgsl has them. */
const FMA = { workgroup: 64, flops: 4 * 4 * 4 * 2 };
/** Lanes of a workgroup, each with one vector. */
const PLAIN_TILE = 256;
const MATRIX = { workgroup: 128, products: 4 };

/** A millisecond or more of work; copies beyond the caches. */
const SIZES = {
  software: { copyBytes: 2 ** 25, fmaLanes: 2 ** 14, fmaRounds: 25, matrixGroups: 16, matrixRounds: 1000 },
  hardware: { copyBytes: 2 ** 28, fmaLanes: 2 ** 20, fmaRounds: 1000, matrixGroups: 4096, matrixRounds: 4000 },
};

/** Bytes; what moves fewer is measured by what a dispatch costs. */
const LEAST_COPY = 2 ** 20;

interface Roof {
  readonly name: Exclude<keyof Roofs, 'processorGflops'>;
  /** Bytes or operations of one run. */
  readonly work: number;
  run(): void;
}

/** Kernels and their memory, ready to be run again and again between those that they are compared with. */
export class RoofKernels {
  readonly clock: Clock;
  readonly #gpu: Gpu;
  readonly #roofs: readonly Roof[];
  readonly #fma: Roof;
  readonly #matrix: readonly Roof[];
  /** What is copied, and where to. */
  readonly #copied: readonly Tensor[];
  readonly #tensors: Tensor[] = [];
  /** Copies of as many bytes as a kernel moved, by their number: a clock knows them again. */
  readonly #copies = new Map<number, readonly Roof[]>();

  constructor(gpu: Gpu, clock: Clock) {
    this.#gpu = gpu;
    this.clock = clock;
    const half = gpu.features.has('shader-f16');
    const elements = Math.min(SIZES[gpu.kind].copyBytes, gpu.limits.maxStorageBufferBindingSize / 2) / 4;
    this.#copied = [this.#tensor(elements, 'f32'), this.#tensor(elements, 'f32')];
    this.#fma = this.#fmaRoof('gflops', 'f32');
    this.#matrix = this.#matrixRoofs();
    this.#roofs = [...this.#copyRoofs(Number.POSITIVE_INFINITY), this.#fma,
      ...(half ? [this.#fmaRoof('halfGflops', 'f16')] : []), ...this.#matrix];
  }

  #tensor(elements: number, type: FloatType, values?: readonly number[]): Tensor {
    const tensor = this.#gpu.keep(Tensor.empty(this.#gpu, [elements], type, 'roof'));
    if (values === undefined) this.#gpu.clear(tensor);
    else tensor.write(Float32Array.from(values));
    this.#tensors.push(tensor);
    return tensor;
  }

  /** Move `bytes`, half of them read, half written; as many as its memory holds at most. */
  #copyRoofs(bytes: number): readonly Roof[] {
    const vectors = Math.ceil(Math.min(bytes / 8, this.#copied[0].size) / 4);
    const roof = (name: Roof['name'], { tile, grid }: { readonly tile: number; readonly grid: number }): Roof => {
      const run = () =>
        this.#gpu.scope(() => {
          const [x, y] = this.#copied.map((tensor) => tensor.alias([4 * vectors]));
          copy.run(this.#gpu, { tensors: { x, y }, params: { vectors, tile }, grid });
        });
      return { name, work: 32 * vectors, run };
    };
    return [roof('gbps', flatTiles(this.#gpu, vectors)),
      roof('plainGbps', { tile: PLAIN_TILE, grid: Math.ceil(vectors / PLAIN_TILE) })];
  }

  #fmaRoof(name: Roof['name'], type: FloatType): Roof {
    const { fmaLanes, fmaRounds } = SIZES[this.#gpu.kind];
    // factor and addend of each column: chains run to 2, where no machine is slower than elsewhere
    const [x, y] = [this.#tensor(8, type, [0.5, 0.5, 0.5, 0.5, 1, 1, 1, 1]), this.#tensor(4 * fmaLanes, type)];
    const run = () =>
      fma.run(this.#gpu, { tensors: { x, y }, params: { rounds: fmaRounds }, grid: fmaLanes / FMA.workgroup });
    return { name, work: fmaLanes * fmaRounds * FMA.flops, run };
  }

  /** One, or none where the adapter has no matrix units. */
  #matrixRoofs(): readonly Roof[] {
    const gpu = this.#gpu;
    const units = matrixUnits(gpu);
    if (units === undefined) return [];
    const { sizes, multiplies, isAskedFor } = units;
    const { M, N, K, SUBGROUP } = sizes;
    const { matrixGroups, matrixRounds } = SIZES[gpu.kind];
    const products = matrixGroups * (MATRIX.workgroup / SUBGROUP) * MATRIX.products;
    const [a, b, y] = [this.#tensor(M * K, multiplies), this.#tensor(K * N, multiplies),
      this.#tensor(products * M * N, 'f32')];
    const run = () =>
      matrixKernel.run(gpu, { tensors: { a, b, y }, params: { rounds: matrixRounds }, constants: sizes,
        grid: matrixGroups, variant: isAskedFor ? 'sized' : 'one' });
    return [{ name: multiplies === 'f16' ? 'matrixGflops' : 'wideMatrixGflops',
      work: products * matrixRounds * 2 * M * N * K, run }];
  }

  /** Bytes that the copy of the roof moves: more than the caches hold. */
  get copiedBytes(): number {
    return 2 * this.#copied[0].bytes;
  }

  /** A dispatch that keeps every processor of the adapter busy for a moment. */
  warmUp(): void {
    this.#fma.run();
  }

  /** The best of several runs: a roof is what nothing rises above. */
  async measure(): Promise<Roofs> {
    return bestOf(await this.#rates(this.#roofs, this.clock.runs.roofs)) as Roofs;
  }

  /**
   * The best of some runs for a kernel's turns to stand between: of arithmetic, and of a copy of as many bytes as the
   * kernel moves, because a busy machine has less of its memory left than of its caches.
   */
  async control(bytes: number): Promise<Control> {
    const copied = Math.max(bytes, LEAST_COPY);
    const copies = this.#copies.get(copied) ?? this.#copyRoofs(copied);
    this.#copies.set(copied, copies);
    return bestOf(await this.#rates([...copies, this.#fma, ...this.#matrix], this.clock.runs.control)) as Control;
  }

  /** The roofs take turns. */
  async #rates(roofs: readonly Roof[], count: number): Promise<Map<keyof Roofs, number[]>> {
    const runs = Array.from({ length: count }, () => roofs).flat();
    const times = await this.clock.times(runs.map(({ run }) => run));
    const rates = new Map<keyof Roofs, number[]>(roofs.map(({ name }) => [name, []]));
    runs.forEach(({ name, work }, i) => rates.get(name)?.push(work / times[i]));
    return rates;
  }

  dispose(): void {
    for (const tensor of this.#tensors) tensor.dispose();
  }
}

function bestOf(rates: ReadonlyMap<keyof Roofs, readonly number[]>): Partial<Roofs> {
  return Object.fromEntries([...rates].map(([name, values]) => [name, Math.max(...values)]));
}
