/** Launches of products: one dispatch, and sums over rows, cut into splits and into ranges. */
import { accumulate, type Candidate, type Context, type FloatType, inRanges, type Kernel, part, Tensor,
  type Texture } from '../../engine/index.ts';
import { canBePanels, isWorthPanels, panelsFor } from './panels.ts';
import { vectorKernels, vectorsOf } from './rows.ts';
import { ceilDiv } from './sizes.ts';
import { storedFor, wideFor } from './wide_sum.ts';
import type { Layout, Product } from './product.ts';

/** What comes with a product. */
export interface Extras {
  /** Matrices, and elements from one matrix to the next in `a` and `b`; 0 where one matrix serves all. */
  readonly batch?: { readonly count: number; readonly a: number; readonly b: number };
  /** What K is cut into; y then holds a C for each. */
  readonly splits?: number;
  /** What the kernel binds beside a, b and y, is told, and is built with beside its sizes. */
  readonly tensors?: Readonly<Record<string, Tensor>>;
  readonly params?: Readonly<Record<string, number>>;
  readonly constants?: Readonly<Record<string, number | boolean>>;
  /** Who has chosen one, in place of `choose` for plain matrices; and where it reads textures, those. */
  readonly candidate?: Candidate;
  readonly textures?: Readonly<Record<'a' | 'b', Texture>>;
}

/** y = op(a)·op(b), in one dispatch. */
export function multiply(product: Product, a: Tensor, b: Tensor, y: Tensor, layout: Layout, extras: Extras = {}): void {
  const { gpu } = a;
  const { rows, columns, inner, transposeA = false, transposeB = false } = layout;
  const { batch = { count: 1, a: 0, b: 0 }, splits = 1, tensors, params, constants } = extras;
  const kernel = kernelFor(layout, product);
  const { variant, sizes } = extras.candidate ?? candidateFor(gpu, product, layout, batch.count, a.dtype);
  const launch = product.rungs[variant].launch(gpu, sizes, rows, columns, batch.count * splits);
  const isTexture = product.rungs[variant].readsPanels === true;
  const unused = Object.fromEntries((product.optional ?? []).map((name) => [name, b]));
  const split = splitLength(inner, splits);
  kernel.run(gpu, {
    tensors: { ...(!isTexture && { a, b }), y, ...unused, ...tensors },
    ...(isTexture && { textures: extras.textures ?? panelsFor(a, b, layout, split * splits) }),
    params: {
      ...params,
      rows,
      columns,
      inner,
      batch: batch.count,
      a_matrix: batch.a,
      b_matrix: batch.b,
      splits,
      split_length: split,
    },
    constants: {
      ...launch.constants,
      TRANSPOSE_A: transposeA,
      TRANSPOSE_B: transposeB,
      ...product.constants,
      ...constants,
    },
    grid: launch.grid,
    flops: 2 * rows * columns * inner * batch.count,
    variant,
  });
}

/** Vectors of four where rows are made of them. */
export function kernelFor(layout: Layout, { scalar, vec4, packed = scalar }: Product): Kernel {
  const { rows, columns, inner, transposeA, transposeB, isScattered } = layout;
  const ofOperands = [transposeA ? rows : inner, transposeB ? inner : columns];
  if (isScattered === true || ofOperands.some((length) => length % 4 !== 0)) return scalar;
  return columns % 4 === 0 ? vec4 : packed;
}

/** Whether operands can be laid into textures, and whether that is worth it. */
export interface InTextures {
  readonly canBe: boolean;
  readonly isWorth: boolean;
}

/** How a product is run: where textures are not worth it, they are tried last. */
export function choose(gpu: Context, product: Product, layout: Layout, matrices: number, type: FloatType,
  { canBe, isWorth }: InTextures): Candidate {
  const { rows, columns, inner, transposeA = false, transposeB = false } = layout;
  const kernel = kernelFor(layout, product);
  const all = kernel.candidates(gpu, type);
  const readsPanels = ({ variant }: Candidate) => product.rungs[variant]?.readsPanels === true;
  const inMemory = all.filter((candidate) => !readsPanels(candidate));
  const candidates = !canBe ? inMemory : isWorth ? all : [...inMemory, ...all.filter(readsPanels)];
  const chosen = kernel.choose(gpu, { rows, columns, inner, matrices, transposeA, transposeB }, type, candidates);
  return readsPanels(chosen) && !canBe ? inMemory[0] : chosen; // it may be preferred for calls of all classes
}

/** The same of plain matrices. */
function candidateFor(gpu: Context, product: Product, layout: Layout, matrices: number, type: FloatType): Candidate {
  // however many splits there will be
  const padded = layout.inner + 4 * ceilDiv(layout.inner, SHORTEST_SPLIT);
  const canBe = matrices === 1 && canBePanels(gpu, layout, padded);
  return choose(gpu, product, layout, matrices, type, { canBe, isWorth: isWorthPanels(layout) });
}

/** Length of the splits of K: whole register tiles. */
function splitLength(inner: number, splits: number): number {
  return ceilDiv(ceilDiv(inner, splits), 4) * 4;
}

/** A split of K is at least this long: a shorter one costs more in the reduction than it gains. */
const SHORTEST_SPLIT = 256;

const reduction = vectorKernels('split_k_reduction', [await part(import.meta.url, './product/split_k_reduction.wgsl')],
  {
    only: { parts: [],
      sizes: ({ kind }) => (kind === 'software' ? [16, 4, 64] : [128, 32, 512]).map((tiles) => ({ tiles })) },
  });
/** Lanes of a workgroup of it. */
const WORKGROUP = 64;

/** The kernels of the reduction that follows split-K. */
export const reductionKernels: readonly Kernel[] = Object.values(reduction);

/**
 * Splits that give every thread of the machine a tile when C is small and K long: about as many `tiles` as keep it
 * busy. They depend on sizes and candidates alone, so results repeat.
 */
function splitsFor(gpu: Context, product: Product, layout: Layout, { variant, sizes }: Candidate): number {
  const { rows, columns, inner } = layout;
  const [height, width] = product.rungs[variant].tile(gpu, sizes);
  const wanted = vectorsOf(reduction, rows * columns).kernel.choose(gpu, { rows, columns, inner }).sizes.tiles;
  const tiles = ceilDiv(rows, height) * ceilDiv(columns, width);
  const splits = Math.max(1, Math.min(ceilDiv(wanted, tiles), Math.floor(inner / SHORTEST_SPLIT)));
  return ceilDiv(inner, splitLength(inner, splits)); // rounding the length up may leave fewer
}

/** Gradients of a matrix and of a bias. */
export interface Sums {
  readonly matrix: Tensor;
  readonly bias: Tensor | undefined;
}

/** What the gradient of a matrix is made of. */
export interface Outer {
  /** The matrix, [M, ...], and its bias, [M]; the results lie in their places for a gradient. */
  readonly of: Tensor;
  readonly bias?: Tensor;
  /**
   * Rows that are kept together: u and v are cut into ranges of whole units, each of `rows` rows; by default of one.
   */
  readonly units?: { readonly count: number; readonly rows: number };
  readonly isScattered?: boolean;
  readonly constants?: Extras['constants'];
  /** Where `v` is no plain matrix: how it is multiplied, and units of a range at most. */
  readonly gathered?: {
    readonly candidate: Candidate;
    readonly most: number;
    /** What so many units of u and v are multiplied as, and what the product is told. */
    operands(u: Tensor, v: Tensor, units: number): { readonly v: Tensor } & Pick<Extras,
      'params' | 'constants' | 'textures'>;
  };
}

/**
 * The gradient of a matrix that all rows share: the sum over the rows of u and v, uᵀ·v, and, for a bias, the sums of
 * u's columns. Cut into splits where it has few elements and many rows, and into ranges of rows where those exceed what
 * a binding may hold; partial sums are added in a fixed order.
 *
 * @param u [rows, M]  @param v [rows, N], as the product finds it
 */
export function outerSum(product: Product, u: Tensor, v: Tensor, outer: Outer): Sums {
  const { of, bias, isScattered, constants, gathered } = outer;
  const rows = of.shape[0];
  const columns = of.size / rows;
  const units = outer.units ?? { count: u.size / rows, rows: 1 };
  const most = gathered?.most ?? units.count;
  const wide = wideFor(of, [u, v], units.count > most);
  if (wide !== of) {
    const sums = outerSum(product, u, v, { ...outer, of: wide, bias: bias?.wide(bias.shape, bias.label) });
    return { matrix: storedFor(of, sums.matrix), bias: bias && sums.bias && storedFor(bias, sums.bias) };
  }
  let total: Sums | undefined;
  inRanges(u.gpu, units.count, { u, v }, (some, count) => {
    const layout: Layout = { rows, columns, inner: count * units.rows, transposeA: true, isScattered };
    const candidate = gathered?.candidate ?? candidateFor(u.gpu, product, layout, 1, u.dtype);
    const splits = splitsFor(u.gpu, product, layout, candidate);
    const matrix = splits === 1 ? of.gradLike() : of.wide([splits, ...of.shape], 'splits of a gradient');
    const sums = bias && (splits === 1 ? bias.gradLike() : bias.wide([splits, rows], 'splits of a gradient'));
    const { v, ...told } = gathered?.operands(some.u, some.v, count) ?? { v: some.v };
    multiply(product, some.u, v, matrix, layout, { splits, tensors: sums && { row_sums: sums }, constants, candidate,
      ...told });
    const here = splits === 1 ? { matrix, bias: sums } : reduced(matrix, of, sums, bias);
    if (total !== undefined) {
      accumulate(total.matrix, here.matrix);
      if (total.bias !== undefined && here.bias !== undefined) accumulate(total.bias, here.bias);
    }
    return (total ??= here);
  }, 1, most);
  if (total === undefined) throw new RangeError('a tensor has at least one row');
  return total;
}

/** The splits of both gradients added up. */
function reduced(matrices: Tensor, of: Tensor, biases: Tensor | undefined, bias: Tensor | undefined): Sums {
  const matrix = of.gradLike();
  const dbias = bias?.gradLike();
  const rows = bias?.size ?? 0;
  const { kernel, vectors } = vectorsOf(reduction, of.size);
  kernel.run(of.gpu, {
    tensors: {
      matrices,
      biases: biases ?? matrices,
      matrix,
      bias: dbias ?? Tensor.empty(of.gpu, [1], of.gradType, 'unused'),
    },
    params: { splits: matrices.size / of.size, vectors, rows },
    constants: { WORKGROUP, BIAS: bias !== undefined },
    grid: ceilDiv(vectors + rows, WORKGROUP),
    variant: 'only',
  });
  return { matrix, bias: dbias };
}
