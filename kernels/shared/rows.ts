import { type Context, Kernel, part, type Sizes, type Source, type Variant } from '../../engine/index.ts';
import { ceilDiv } from './sizes.ts';

/** Lanes of a workgroup in `row/*.wgsl`. */
const WORKGROUP = 128;
/** Lanes of the smallest subgroup that WebGPU allows. */
const LEAST_SUBGROUP = 4;

const bySubgroup = await part(import.meta.url, './row/subgroup.wgsl');
const byTree = await part(import.meta.url, './row/tree.wgsl');
/** Declares `vector`, a load of one or of four elements, and what is done with it. */
export const vectorParts = { scalar: await part(import.meta.url, './vector/scalar.wgsl'), vec4: await part(import.meta.url, './vector/vec4.wgsl') };

/** Parts of a kernel that depend on the way in which lanes share a row. */
export type RowParts = Readonly<Record<'subgroup' | 'tree', readonly Source[]>>;

const NO_PARTS: RowParts = { subgroup: [], tree: [] };

/** The ways in which lanes share a row, each in the same sizes. */
function rowVariants(sizes: Variant['sizes'], { subgroup, tree }: RowParts): Readonly<Record<string, Variant>> {
  return { subgroup: { parts: [bySubgroup, ...subgroup], needs: ['subgroups'], sizes }, tree: { parts: [byTree, ...tree], sizes } };
}

/** The same kernel for rows read one element at a time and four at a time. */
export interface VectorKernels {
  readonly scalar: Kernel;
  readonly vec4: Kernel;
}

/** A kernel linked with `vector/scalar.wgsl` and with `vector/vec4.wgsl`, whose grid does not depend on the variant. */
export function vectorKernels(name: string, parts: readonly Source[], variants?: Readonly<Record<string, Variant>>): VectorKernels {
  return {
    scalar: new Kernel(`${name}.scalar`, [...parts, vectorParts.scalar], variants),
    vec4: new Kernel(`${name}.vec4`, [...parts, vectorParts.vec4], variants),
  };
}

/** A kernel that works on whole rows: linked with `row/subgroup.wgsl` or `row/tree.wgsl`, and with a vector. */
export function rowKernels(name: string, parts: readonly Source[], sizes?: (gpu: Context) => readonly Sizes[], across = NO_PARTS): VectorKernels {
  return vectorKernels(name, parts, rowVariants(sizes, across));
}

/** The kernel for rows of `length` elements, and how many vectors such a row has. */
export function vectorsOf(kernels: VectorKernels, length: number): { readonly kernel: Kernel; readonly vectors: number } {
  return length % 4 === 0 ? { kernel: kernels.vec4, vectors: length / 4 } : { kernel: kernels.scalar, vectors: length };
}

/** Variant and grid that give each of `rows` rows its lanes. */
export function rowLaunch(gpu: Context, kernel: Kernel, rows: number): { readonly variant: string; readonly grid: number } {
  const { variant } = kernel.choose(gpu, { rows });
  return { variant, grid: ceilDiv(rows, rowsOfGroup(gpu, variant)) };
}

/** Rows whose lanes a workgroup has. */
export function rowsOfGroup(gpu: Context, variant: string): number {
  if (variant === 'tree') return 1;
  // where the size varies, the largest is assumed: smaller subgroups then cover the rows with workgroups to spare
  return WORKGROUP / gpu.report.subgroups.most;
}

/** Lanes that a row has at least: what rounds over a row are counted by, where all lanes must go round equally often. */
export function leastLanes(gpu: Context, variant: string): number {
  return variant === 'tree' ? WORKGROUP : gpu.subgroupSize || LEAST_SUBGROUP;
}

/** Rows of a split come in so many: fewer, and the second stage costs more than it saves. */
const SPLIT_STEP = 16;

/**
 * Cuts `rows` into some √rows splits of some √rows rows, for sums over columns in two stages: lanes enough for a GPU, and rounding
 * that grows with √rows. It depends on nothing but the shape, so that all devices add in the same order.
 */
export function splitsOf(rows: number): { readonly splits: number; readonly splitLength: number } {
  const splitLength = SPLIT_STEP * Math.ceil(Math.sqrt(rows) / SPLIT_STEP);
  return { splits: ceilDiv(rows, splitLength), splitLength };
}
