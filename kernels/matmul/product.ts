import { accumulate, type Candidate, type Context, copy, type FloatType, inRanges, Kernel, part, type Sizes, type Source, Tensor, type Variant } from '../../engine/index.ts';
import { type Activation, kernelByActivation } from '../shared/activation.ts';
import { matricesOf, type MatrixSizes, matrixVariantNames, matrixVariants } from '../shared/matrix.ts';
import { vectorsOf, vectorKernels } from '../shared/rows.ts';
import { ceilDiv } from '../shared/sizes.ts';
import { storedFor, wideFor } from '../shared/wide_sum.ts';
import { constantsOf, measuresOf, shapesFor } from './matrix.ts';

const read = (file: string) => part(import.meta.url, file);
const problem = await read('./problem.wgsl');
const blocks = await read('./blocks.wgsl');
const finish = await read('./finish.wgsl');
const identity = await read('./identity.wgsl');
const naive = await read('./matmul.naive.wgsl');
const tiled = await read('./matmul.tiled.wgsl');
const subgroup = await read('./matmul.subgroup.wgsl');
const matrix = await read('./matmul.matrix.wgsl');
const bands = await read('./bands.wgsl');
const stored = { scalar: await read('./stored.scalar.wgsl'), vec4: await read('./stored.vec4.wgsl') };
const operands = { scalar: await read('./operands.scalar.wgsl'), vec4: await read('./operands.vec4.wgsl') };
const none = await read('./keep.none.wgsl');
const rowSums = await read('./keep.row_sums.wgsl');
const KEEP = {
  nothing: { scalar: none, vec4: none },
  rowSums: { scalar: rowSums, vec4: rowSums },
  derivative: { scalar: await read('./keep.derivative.scalar.wgsl'), vec4: await read('./keep.derivative.vec4.wgsl') },
};

/** How tensors are read and written: element by element, or in vectors of four. */
type VectorForm = keyof typeof operands;
type Packed = Readonly<Record<VectorForm, Kernel>>;

/** Lanes that show their block of op(A) to all: as many as the smallest subgroup has, up to 8, or 4, for lower tiles of C. */
function sendersOf(gpu: Context): { readonly senders: number }[] {
  return gpu.report.subgroups.least < 8 ? [{ senders: 4 }] : [{ senders: 8 }, { senders: 4 }];
}

/**
 * Tiles of the second rung. The large one needs half as many loads per product, and tiles enough for all of a card; where a processor plays
 * the GPU it gains nothing.
 */
function tilesOf({ kind, limits }: Context): readonly Sizes[] {
  const fits = 2 * LARGE_TILE <= limits.maxComputeInvocationsPerWorkgroup && 128 * LARGE_TILE <= limits.maxComputeWorkgroupStorageSize;
  return kind === 'hardware' && fits ? [{ tile: LARGE_TILE }, { tile: 64 }] : [{ tile: 64 }];
}
const LARGE_TILE = 128;

/** The rungs, best first. What differs between vectors comes with the rung, because the naive one takes single elements always. */
function rungs(vector: VectorForm, keep: Readonly<Record<VectorForm, Source>>): Readonly<Record<string, Variant>> {
  const ofMatrices = [matrix, bands, stored[vector], operands[vector], keep[vector]];
  return {
    ...matrixVariants(ofMatrices, shapesFor),
    subgroup: { parts: [subgroup, blocks, operands[vector], keep[vector]], needs: ['subgroups'], suits: 'software', sizes: sendersOf },
    tiled: { parts: [tiled, bands, blocks, operands[vector], keep[vector]], sizes: tilesOf },
    naive: { parts: [naive, operands.scalar, keep.scalar] },
  };
}

function plain(name: string, keep: Readonly<Record<VectorForm, Source>>): Packed {
  const build = (vector: VectorForm) => new Kernel(`${name}.${vector}`, [problem, finish, identity], rungs(vector, keep));
  return { scalar: build('scalar'), vec4: build('vec4') };
}

function activated(name: string, keep: Readonly<Record<VectorForm, Source>>): Readonly<Record<Activation, Packed>> {
  const build = (vector: VectorForm) => kernelByActivation(`${name}.${vector}`, [problem, finish], rungs(vector, keep));
  const [scalar, vec4] = [build('scalar'), build('vec4')];
  const pair = (activation: Activation): Packed => ({ scalar: scalar[activation], vec4: vec4[activation] });
  return { quick_gelu: pair('quick_gelu'), gelu: pair('gelu'), gelu_tanh: pair('gelu_tanh') };
}

const product = plain('matmul', KEEP.nothing);
const productWithRowSums = plain('matmul_row_sums', KEEP.rowSums);
const productActivated = activated('matmul', KEEP.nothing);
const productWithDerivative = activated('matmul_derivative', KEEP.derivative);
const partSums = vectorKernels('sum_parts', [await read('./sum_parts.wgsl')], {
  only: { parts: [], sizes: (gpu) => (gpu.kind === 'software' ? [16, 4, 64] : [128, 32, 512]).map((tiles) => ({ tiles })) },
});
/** Lanes of a workgroup of it. */
const SUM_WORKGROUP = 64;

export const kernels = [partSums, product, productWithRowSums, ...Object.values(productActivated), ...Object.values(productWithDerivative)].flatMap(({ scalar, vec4 }) => [scalar, vec4]);

/** C = op(A)·op(B), M × K times K × N; which of the operands is stored transposed. */
export interface Layout {
  readonly rows: number;
  readonly columns: number;
  readonly inner: number;
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
}

/** What comes with a product. */
interface Extras {
  /** Matrices, and elements from one matrix to the next in `a` and `b`; 0 where one matrix serves all. */
  readonly batch?: { readonly count: number; readonly a: number; readonly b: number };
  /** Pieces that K is cut into; y then holds a C for each. */
  readonly parts?: number;
  readonly bias?: Tensor;
  readonly activation?: Activation;
  /** Shaped as `y`: added to the product; or what the product is multiplied with, element by element. At most one of them. */
  readonly residual?: Tensor;
  readonly factor?: Tensor;
  /** Shaped as `y`: takes the derivative of the activation. */
  readonly derivative?: Tensor;
  /** [parts, rows]: takes the row sums of op(A). */
  readonly rowSums?: Tensor;
}

/** One dispatch. */
export function multiply(a: Tensor, b: Tensor, y: Tensor, layout: Layout, extras: Extras = {}): void {
  const { gpu } = a;
  const { rows, columns, inner, transposeA = false, transposeB = false } = layout;
  const { batch = { count: 1, a: 0, b: 0 }, parts = 1, bias, activation, residual, factor, derivative, rowSums } = extras;
  const kernel = kernelFor(layout, kernelsFor(activation, derivative !== undefined, rowSums !== undefined));
  const { variant, sizes } = choose(gpu, kernel, layout, batch.count, a.dtype);
  const { constants, grid } = RUNGS[variant].launch(gpu, sizes, rows, columns, batch.count * parts);
  kernel.run(gpu, {
    tensors: {
      a, b, y,
      // what is not asked for is never read: any tensor will do
      bias: bias ?? b, other: residual ?? factor ?? b,
      ...(derivative !== undefined && { derivative }), ...(rowSums !== undefined && { row_sums: rowSums }),
    },
    params: { rows, columns, inner, batch: batch.count, a_matrix: batch.a, b_matrix: batch.b, parts, chunk: chunkOf(inner, parts) },
    constants: { ...constants, TRANSPOSE_A: transposeA, TRANSPOSE_B: transposeB, BIAS: bias !== undefined, RESIDUAL: residual !== undefined, DERIVATIVE: factor !== undefined },
    grid,
    flops: 2 * rows * columns * inner * batch.count,
    variant,
  });
}

function kernelsFor(activation: Activation | undefined, derivative: boolean, rowSums: boolean): Packed {
  if (activation === undefined) return rowSums ? productWithRowSums : product;
  return (derivative ? productWithDerivative : productActivated)[activation];
}

/** Vectors of four where every row of the three matrices is made of them. */
function kernelFor({ rows, columns, inner, transposeA, transposeB }: Layout, { scalar, vec4 }: Packed): Kernel {
  const rowLengths = [transposeA ? rows : inner, transposeB ? inner : columns, columns];
  return rowLengths.every((length) => length % 4 === 0) ? vec4 : scalar;
}

function choose(gpu: Context, kernel: Kernel, { rows, columns, inner, transposeA = false, transposeB = false }: Layout, matrices: number, type: FloatType): Candidate {
  return kernel.choose(gpu, { rows, columns, inner, matrices, transposeA, transposeB }, type);
}

/** Length of the parts of K: whole blocks of 4. */
function chunkOf(inner: number, parts: number): number {
  return ceilDiv(ceilDiv(inner, parts), 4) * 4;
}

/** How a rung covers `count` matrices C of `rows` × `columns`. */
interface Rung {
  launch(gpu: Context, sizes: Sizes, rows: number, columns: number, count: number): { readonly constants: Readonly<Record<string, number>>; readonly grid: number };
  /** Rows and columns of C that keep one thread of the machine busy. */
  tile(gpu: Context, sizes: Sizes): readonly [number, number];
}

const RUNGS: Readonly<Record<string, Rung>> = {
  ...Object.fromEntries(matrixVariantNames.map((variant) => [variant, matrixRung(variant)])),
  subgroup: {
    launch(gpu, { senders }, rows, columns, count) {
      const { least, most } = gpu.report.subgroups;
      const groups = (size: number) => ceilDiv(ceilDiv(rows, 4 * senders) * ceilDiv(columns, 4 * size) * count, most / size);
      let grid = 0;
      for (let size = least; size <= most; size *= 2) grid = Math.max(grid, groups(size));
      return { constants: { SENDERS: senders, WORKGROUP: most }, grid };
    },
    tile: () => [32, 32],
  },
  tiled: {
    launch: (_gpu, { tile }, rows, columns, count) => ({ constants: { TILE: tile }, grid: ceilDiv(rows, tile) * ceilDiv(columns, tile) * count }),
    tile: (_gpu, { tile }) => [tile, tile],
  },
  naive: {
    launch: (_gpu, _sizes, rows, columns, count) => ({ constants: {}, grid: ceilDiv(rows * columns * count, 64) }),
    tile: () => [8, 8],
  },
};

/** A variant on matrices; it is launched where the device has them. */
function matrixRung(variant: string): Rung {
  const sizeOf = (gpu: Context) => matricesOf(gpu, variant)?.sizes as MatrixSizes;
  const tileOf = (gpu: Context, sizes: Sizes) => measuresOf(sizeOf(gpu), sizes).tile;
  return {
    launch(gpu, sizes, rows, columns, count) {
      const tile = tileOf(gpu, sizes);
      return { constants: constantsOf(sizeOf(gpu), sizes), grid: ceilDiv(rows, tile) * ceilDiv(columns, tile) * count };
    },
    tile: (gpu, sizes) => [tileOf(gpu, sizes), tileOf(gpu, sizes)],
  };
}

/** A part of K is at least this long: a shorter one costs more in the second stage than it gains. */
const SHORTEST_PART = 256;

/**
 * Parts that give every thread of the machine a tile when C is small and K long: about as many `tiles` as keep it busy. They depend on
 * sizes and candidates alone, so results repeat.
 */
function partsFor(gpu: Context, layout: Layout, rowSums: boolean, type: FloatType): number {
  const { rows, columns, inner } = layout;
  const { variant, sizes } = choose(gpu, kernelFor(layout, kernelsFor(undefined, false, rowSums)), layout, 1, type);
  const tile = RUNGS[variant].tile(gpu, sizes);
  const wanted = vectorsOf(partSums, rows * columns).kernel.choose(gpu, { rows, columns, inner }).sizes.tiles;
  const tiles = ceilDiv(rows, tile[0]) * ceilDiv(columns, tile[1]);
  const parts = Math.max(1, Math.min(ceilDiv(wanted, tiles), Math.floor(inner / SHORTEST_PART)));
  return ceilDiv(inner, chunkOf(inner, parts));   // rounding the length up may leave fewer
}

/**
 * y = op(a)·op(b) with the rows of `a` and `y` cut into ranges where they exceed what a binding may hold. `a` is not transposed.
 */
export function multiplyRows(a: Tensor, b: Tensor, y: Tensor, layout: Layout, extras: Extras = {}): void {
  const { residual, factor, derivative } = extras;
  const all = { a, y, ...(residual && { residual }), ...(factor && { factor }), ...(derivative && { derivative }) };
  inRanges(a.gpu, layout.rows, all, ({ a, y, ...others }, rows) => multiply(a, b, y, { ...layout, rows }, { ...extras, ...others }));
}

/** y = op(a)·op(b) for every matrix of a batch; an operand with one matrix serves them all. */
export function multiplyBatch(a: Tensor, b: Tensor, y: Tensor, layout: Layout): void {
  const { rows, columns, inner } = layout;
  const [sizeOfA, sizeOfB, sizeOfY] = [rows * inner, inner * columns, rows * columns];
  if (y.size === sizeOfY) return layout.transposeA === true ? multiplyInner(a, b, y, layout) : multiplyRows(a, b, y, layout);
  const [strideOfA, strideOfB] = [a.size > sizeOfA ? sizeOfA : 0, b.size > sizeOfB ? sizeOfB : 0];
  const all = { y, ...(strideOfA > 0 && { a }), ...(strideOfB > 0 && { b }) };
  inRanges(a.gpu, y.size / sizeOfY, all, ({ y, ...own }, count) => {
    multiply(own.a ?? a, own.b ?? b, y, layout, { batch: { count, a: strideOfA, b: strideOfB } });
  });
}

/** y = aᵀ·b, with their rows, which are summed over, cut into ranges where they exceed what a binding may hold. */
function multiplyInner(a: Tensor, b: Tensor, y: Tensor, layout: Layout): void {
  const sum = wideFor(y, [a, b]);
  inRanges(a.gpu, layout.inner, { a, b }, ({ a, b }, inner, start) => {
    if (start === 0) return multiply(a, b, sum, { ...layout, inner });
    const more = sum.like();
    multiply(a, b, more, { ...layout, inner });
    accumulate(sum, more);
  });
  if (sum === y) return;
  copy(sum, y);
  sum.dispose();
}

/**
 * The gradient of a matrix that all rows share: the sum over the rows of u and v, uᵀ·v, and, for a bias, the sums of u's columns.
 * Cut into parts where it has few elements and many rows, and into ranges of rows where those exceed what a binding may hold;
 * partial sums are added in a fixed order.
 *
 * @param u [rows, of.shape[0]]  @param v [rows, of.shape[1]]
 * @param of the matrix; the result lies in its place for a gradient  @param bias [of.shape[0]]
 */
export function outerSum(u: Tensor, v: Tensor, of: Tensor, bias?: Tensor): { matrix: Tensor; bias: Tensor | undefined } {
  const { gpu } = u;
  const [rows, columns] = of.shape;
  const wide = wideFor(of, [u, v]);
  if (wide !== of) {
    const { matrix, bias: sums } = outerSum(u, v, wide, bias?.wide(bias.shape, bias.label));
    return { matrix: storedFor(of, matrix), bias: bias && sums && storedFor(bias, sums) };
  }
  let total: { matrix: Tensor; bias: Tensor | undefined } | undefined;
  inRanges(gpu, u.size / rows, { u, v }, (some, inner) => {
    const layout: Layout = { rows, columns, inner, transposeA: true };
    const parts = partsFor(gpu, layout, bias !== undefined, u.dtype);
    const matrices = parts === 1 ? of.gradLike() : of.wide([parts, rows, columns], 'parts of a gradient');
    const sums = bias && (parts === 1 ? bias.gradLike() : bias.wide([parts, rows], 'parts of a gradient'));
    multiply(some.u, some.v, matrices, layout, { parts, rowSums: sums });
    const here = parts === 1 ? { matrix: matrices, bias: sums } : sumParts(matrices, of, sums, bias);
    if (total !== undefined) {
      accumulate(total.matrix, here.matrix);
      if (total.bias !== undefined && here.bias !== undefined) accumulate(total.bias, here.bias);
    }
    return (total ??= here);
  });
  if (total === undefined) throw new RangeError('a tensor has at least one row');
  return total;
}

/** The parts of both gradients added up. */
function sumParts(matrices: Tensor, of: Tensor, sums: Tensor | undefined, bias: Tensor | undefined): { matrix: Tensor; bias: Tensor | undefined } {
  const matrix = of.gradLike();
  const dbias = bias?.gradLike();
  const rows = bias?.size ?? 0;
  const { kernel, vectors } = vectorsOf(partSums, of.size);
  kernel.run(of.gpu, {
    tensors: { matrices, biases: sums ?? matrices, matrix, bias: dbias ?? Tensor.empty(of.gpu, [1], of.gradType, 'unused') },
    params: { parts: matrices.size / of.size, vectors, rows },
    constants: { BIAS: bias !== undefined },
    grid: ceilDiv(vectors + rows, SUM_WORKGROUP),
    variant: 'only',
  });
  return { matrix, bias: dbias };
}
