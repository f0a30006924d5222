import { type Context, Kernel, part, type Source, type Variant } from '../../engine/index.ts';
import { ceilDiv } from './sizes.ts';

/** Lanes of a workgroup of a kernel that works on rows, which its WGSL is linked with. */
export const ROW_WORKGROUP = 128;
/** Lanes of the smallest subgroup that WebGPU allows. */
const LEAST_SUBGROUP = 4;

const bySubgroup = await part(import.meta.url, './row/subgroup.wgsl');
const byTree = await part(import.meta.url, './row/tree.wgsl');
/** Declares `vector`, a load of one or of four elements, and what is done with it. */
export const vectorParts = {
  scalar: await part(import.meta.url, './vector/scalar.wgsl'),
  vec4: await part(import.meta.url, './vector/vec4.wgsl'),
};

/** Parts of a kernel that depend on the way in which lanes share a row. */
export type RowParts = Readonly<Record<'subgroup' | 'tree', readonly Source[]>>;

const NO_PARTS: RowParts = { subgroup: [], tree: [] };

/** The ways in which lanes share a row, for a text that is written once. */
export function rowVariants(parts: readonly Source[], across = NO_PARTS): Readonly<Record<keyof RowParts, Variant>> {
  const { subgroup, tree } = across;
  return {
    subgroup: { parts: [bySubgroup, ...subgroup, ...parts], needs: ['subgroups'] },
    tree: { parts: [byTree, ...tree, ...parts] },
  };
}

type Variants = Readonly<Record<string, Variant>>;

/** The same kernel for rows read one element at a time and four at a time. */
export interface VectorKernels {
  readonly scalar: Kernel;
  readonly vec4: Kernel;
}

/** A kernel linked with `vector/scalar.wgsl` and with `vector/vec4.wgsl`, whose grid does not depend on the variant. */
export function vectorKernels(name: string, parts: readonly Source[], variants?: Variants): VectorKernels {
  const linked = (form: keyof VectorKernels) => new Kernel(`${name}.${form}`, [...parts, vectorParts[form]], variants);
  return { scalar: linked('scalar'), vec4: linked('vec4') };
}

/** A kernel that works on whole rows, by its variants when it reads vectors of some form. */
export function rungKernels(name: string, rungs: (vector: Source) => Variants): VectorKernels {
  const linked = (form: keyof VectorKernels) => new Kernel(`${name}.${form}`, [], rungs(vectorParts[form]));
  return { scalar: linked('scalar'), vec4: linked('vec4') };
}

/** What a kernel that works on whole rows has beside its text. */
export interface RowExtras {
  readonly across?: RowParts;
  /**
   * Texts that give each row one lane and are linked with nothing: the first rungs, by the names of their variants,
   * tried last.
   */
  readonly alone?: Readonly<Record<string, Source>>;
}

/** A kernel that works on whole rows: linked with `row/subgroup.wgsl` or `row/tree.wgsl`, and with a vector. */
export function rowKernels(name: string, parts: readonly Source[], extras: RowExtras = {}): VectorKernels {
  const { across, alone = {} } = extras;
  const whole = Object.fromEntries(Object.entries(alone).map(([variant, source]) => [variant, { parts: [source] }]));
  return rungKernels(name, (vector) => ({ ...rowVariants([...parts, vector], across), ...whole }));
}

/** The kernel for rows of `length` elements, and how many vectors such a row has. */
export function vectorsOf({ scalar, vec4 }: VectorKernels, length: number): { kernel: Kernel; vectors: number } {
  return length % 4 === 0 ? { kernel: vec4, vectors: length / 4 } : { kernel: scalar, vectors: length };
}

/** What the launch of a kernel that works on rows says beside tensors and params. */
export interface RowLaunch {
  readonly variant: string;
  readonly constants: Readonly<Record<string, number | boolean>>;
  readonly grid: number;
}

/**
 * Variant and grid that give each of `rows` rows its lanes.
 *
 * @param constants of the kernel, beside those of `row/*.wgsl`
 */
export function rowLaunch(gpu: Context, kernel: Kernel, rows: number, constants?: RowLaunch['constants']): RowLaunch {
  const { variant } = kernel.choose(gpu, { rows });
  const grid = ceilDiv(rows, rowsOfGroup(gpu, variant));
  return { variant, constants: { WORKGROUP: ROW_WORKGROUP, ...constants }, grid };
}

/** Rows whose lanes a workgroup has. */
export function rowsOfGroup(gpu: Context, variant: string): number {
  switch (variant) {
    case 'tree':
      return 1;
    case 'subgroup':
      // where the size varies, the largest is assumed: smaller subgroups then cover the rows with workgroups to spare
      return ROW_WORKGROUP / gpu.report.subgroups.most;
    default:
      return ROW_WORKGROUP; // a lane for each
  }
}

/**
 * Lanes that a row has at least: what rounds over a row are counted by, where all lanes must go round equally often.
 */
export function leastLanes(gpu: Context, variant: string): number {
  return variant === 'tree' ? ROW_WORKGROUP : gpu.subgroupSize || LEAST_SUBGROUP;
}

/** Rows of a split come in so many: fewer, and the second stage costs more than it saves. */
const SPLIT_STEP = 16;

/**
 * Cuts `rows` into some √rows splits of some √rows rows, for sums over columns in two stages: lanes enough for a GPU,
 * and rounding that grows with √rows. It depends on nothing but the shape, so that all devices add in the same order.
 */
export function splitsOf(rows: number): { readonly splits: number; readonly splitRows: number } {
  const splitRows = SPLIT_STEP * Math.ceil(Math.sqrt(rows) / SPLIT_STEP);
  return { splits: ceilDiv(rows, splitRows), splitRows };
}
