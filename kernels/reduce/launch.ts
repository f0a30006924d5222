import { part, type Source, type Tensor } from '../../engine/index.ts';
import { type Blocks, fittingBand, inBlocks, inRows, type Tensors } from '../shared/blocks.ts';
import { best, bestAcross, first, type Marking, ranking } from '../shared/ranking.ts';
import { reduceRows, rowReduction } from '../shared/reduce_rows.ts';
import { eachVector, splitsOf, vectorsOf, type VectorKernels, vectorKernels } from '../shared/rows.ts';
import { ceilDiv } from '../shared/sizes.ts';
import { rowSums, summing } from '../shared/sum_rows.ts';

const body = await part(import.meta.url, './reduce.wgsl');
const elements = await part(import.meta.url, './elements.wgsl');
const partials = await part(import.meta.url, './partials.wgsl');
const extremes = await part(import.meta.url, './extremes.wgsl');
const ties: Marking = { marks: await part(import.meta.url, './ties.wgsl'), inSubgroup: await part(import.meta.url, './ties.subgroup.wgsl') };
const words = { scalar: await part(import.meta.url, './words.scalar.wgsl'), vec4: await part(import.meta.url, './words.vec4.wgsl') };
const spreading = vectorKernels('reduce_grad', [await part(import.meta.url, './reduce_grad.wgsl')]);
const sharing = wordKernels('extremes_grad', [await part(import.meta.url, './extremes_grad.wgsl'), ...ranking.largest]);

/** Lanes of a workgroup in reduce.wgsl, and in the gradients. */
const WORKGROUP = 64;
const GRADIENT_WORKGROUP = 256;
/** Up to this many numbers are combined by one lane in one pass; more go in two. */
const ONE_PASS = 256;

/** x seen as [outer, extent, inner], reduced along `extent`. */
export type Line = Omit<Blocks, 'band'>;

/** One operation in the forms that a reduction has: along the last dimension, along another one, and over the results of bands. */
interface Operation {
  readonly rows: VectorKernels;
  readonly columns: VectorKernels;
  /** Of results with marks; those of a sum are numbers like those that it summed. */
  readonly partials?: VectorKernels;
}

/** What is reduced, or what comes of it: numbers, and marks of those that have equals. */
interface Marked {
  readonly x: Tensor;
  readonly marks?: Tensor<'u32'>;
}

/** A kernel that works on the bits of vectors. */
function wordKernels(name: string, parts: readonly Source[]): VectorKernels {
  return eachVector((vector) => vectorKernels(name, [...parts, words[vector]]));
}

function extreme(name: string, direction: keyof typeof ranking, marking: Marking): Operation {
  const operation = [extremes, best, ...ranking[direction], marking.marks];
  return {
    rows: rowReduction(`${name}_rows`, operation, bestAcross(marking)),
    columns: wordKernels(name, [body, elements, ...operation]),
    partials: wordKernels(`${name}_partials`, [body, partials, ...operation]),
  };
}

export const OPERATIONS = {
  sum: { rows: rowSums, columns: vectorKernels('reduce', [body, elements, summing]) },
  max: extreme('reduce_max', 'largest', ties),
  min: extreme('reduce_min', 'smallest', ties),
  argmax: extreme('argmax', 'largest', first),
  argmin: extreme('argmin', 'smallest', first),
} satisfies Record<string, Operation>;

/**
 * to[o, i] = from[o, 0, i] ∘ … ∘ from[o, extent − 1, i], times a factor, in as many passes as it takes. Which elements come together depends on
 * the shape, and on the binding limit only where a band does not fit one.
 *
 * @param band numbers that one pass combines
 */
export function reduceInto(operation: Operation, from: Marked, to: Marked, { extent, inner }: Line, factor = 1, band = bandOf(extent, inner)): void {
  const fitting = fittingBand(from.x.gpu, band, inner);
  if (fitting >= extent) return onePass(operation, from, to, { extent, inner, band: extent }, factor);
  const bands = ceilDiv(extent, fitting);
  const shape = [to.x.size / inner, bands, inner];
  // numbers that were chosen stay what they are in f16, sums do not
  using x = to.marks === undefined ? from.x.wide(shape, 'partial sums') : from.x.like(shape, 'partial results');
  using marks = to.marks?.like(shape, 'marks');
  const results = { x, marks };
  onePass(operation, from, results, { extent, inner, band: fitting }, 1);
  reduceInto(operation, results, to, { extent: bands, inner }, factor, bands);
}

/** Lanes share a row, however long it is. A lane that has a column to itself does not get too long a one. */
function bandOf(extent: number, inner: number): number {
  return inner === 1 || extent <= ONE_PASS ? extent : splitsOf(extent).splitRows;
}

/** One result for each band. */
function onePass({ rows, columns, partials }: Operation, { x, marks: marked }: Marked, to: Marked, blocks: Blocks, factor: number): void {
  const { extent, inner, band } = blocks;
  const ys: Tensors = to.marks === undefined ? { y: to.x } : { y: to.x, marks: to.marks };
  if (inner === 1 && marked === undefined) return reduceRows(rows, x, ys, blocks, factor);
  const { kernel, vectors } = vectorsOf(marked !== undefined && partials !== undefined ? partials : columns, inner);
  const width = inner / vectors;
  inBlocks(x.gpu, blocks, to.x.size / inner, marked === undefined ? { x } : { x, marked }, ys, (tensors, { first, count, xFirst, yFirst }) => {
    const n = count * vectors;
    const params = { n, extent, inner: vectors, band, bands: ceilDiv(extent, band), first, x_first: xFirst / width, y_first: yFirst / width, factor };
    kernel.run(x.gpu, { tensors, params, grid: ceilDiv(n, WORKGROUP) });
  });
}

/** The gradient of a sum: dx[o, k, i] = factor · dy[o, i]. */
export function spread(dy: Tensor, x: Tensor, line: Line, factor: number): Tensor {
  const dx = x.gradLike();
  overRows(spreading, dx, { dx }, { dy }, line, { factor });
  return dx;
}

/** The gradient of an extreme element: dx[o, k, i] = dy[o, i] / ties[o, i] where x[o, k, i] = y[o, i]. */
export function share(dy: Tensor, x: Tensor, y: Tensor, ties: Tensor<'u32'>, line: Line): Tensor {
  const dx = x.gradLike();
  overRows(sharing, dx, { x, dx }, { y, dy, ties }, line);
  return dx;
}

/** A lane for each vector of dx and of others of its layout, beside tensors of [outer, inner]. */
function overRows(kernels: VectorKernels, { gpu, size }: Tensor, xs: Tensors, ys: Tensors, line: Line, more?: Readonly<Record<string, number>>): void {
  const { kernel, vectors } = vectorsOf(kernels, line.inner);
  const width = line.inner / vectors;
  inRows(gpu, line, size / line.inner, xs, ys, (tensors, { rows, start, xSkip, ySkip }) => {
    const n = rows * vectors;
    const params = { n, extent: line.extent, inner: vectors, start: start / width, x_skip: xSkip / width, y_skip: ySkip / width, ...more };
    kernel.run(gpu, { tensors, params, grid: ceilDiv(n, GRADIENT_WORKGROUP) });
  });
}

const forms = Object.values<Operation>(OPERATIONS).flatMap(({ rows, columns, partials }) => (partials === undefined ? [rows, columns] : [rows, columns, partials]));
export const kernels = [...forms, spreading, sharing].flatMap(({ scalar, vec4 }) => [scalar, vec4]);
