import { part, record, ShapeError, sizeOf, type Tensor } from '../../engine/index.ts';
import type { Cost } from '../shared/room.ts';
import { bandsOf, packed, packedKernels } from '../shared/rows.ts';
import { ceilDiv, f32Bytes } from '../shared/sizes.ts';
import { sumEverything, sumRows, sumRowsKernels } from '../shared/sum_rows.ts';

const columns = packedKernels('reduce', [await part(import.meta.url, './reduce.wgsl')]);
const backward = packedKernels('reduce_grad', [await part(import.meta.url, './reduce_grad.wgsl')]);

const WORKGROUP = 64;
const GRADIENT_WORKGROUP = 256;
/** Up to this many numbers are summed by one lane in one pass; more go in two. */
const ONE_PASS = 256;

/**
 * Σ over dimension `dim`, which vanishes from the shape. Negative dimensions count from the end.
 *
 * @param x [..., extent, ...]
 */
export function sum(x: Tensor, dim: number): Tensor {
  return reduce('sum', x, dim);
}

/** Mean over dimension `dim`, which vanishes from the shape. Negative dimensions count from the end. */
export function mean(x: Tensor, dim: number): Tensor {
  return reduce('mean', x, dim);
}

/** Σ over all elements, as a scalar [] of f32. */
export function sumAll(x: Tensor): Tensor {
  return record(sumEverything(x, 1), [x], (dy) => [spread(dy, x, x.size, 1, 1)], []);
}

function reduce(op: 'sum' | 'mean', x: Tensor, dim: number): Tensor {
  const rank = x.shape.length;
  const at = dim < 0 ? dim + rank : dim;
  if (!Number.isInteger(at) || at < 0 || at >= rank) throw new ShapeError(op, `x is [${x.shape}], it has no dimension ${dim}`);
  const extent = x.shape[at];
  const inner = sizeOf(x.shape.slice(at + 1));
  const factor = op === 'mean' ? 1 / extent : 1;
  const y = x.like(x.shape.filter((_, i) => i !== at));
  if (inner === 1) {
    sumRows(x, y, extent, factor);
  } else if (extent <= ONE_PASS) {
    sumBands(x, y, extent, inner, extent, factor);
  } else {
    const { bands, band } = bandsOf(extent);
    using partials = x.wide([y.size / inner, bands, inner], 'partial sums');
    sumBands(x, partials, extent, inner, band, 1);
    sumBands(partials, y, bands, inner, bands, factor);
  }
  return record(y, [x], (dy) => [spread(dy, x, extent, inner, factor)], []);
}

/** One pass: y[o, b, i] = factor · Σ x[o, k, i] over the k of band b. */
function sumBands(x: Tensor, y: Tensor, extent: number, inner: number, band: number, factor: number): void {
  const { kernel, packs } = packed(columns, inner);
  const n = (y.size / inner) * packs;
  kernel.run(x.gpu, { tensors: { x, y }, params: { n, extent, inner: packs, band, bands: ceilDiv(extent, band), factor }, grid: ceilDiv(n, WORKGROUP) });
}

/** The gradient of a sum: dx[o, k, i] = factor · dy[o, i]. */
function spread(dy: Tensor, x: Tensor, extent: number, inner: number, factor: number): Tensor {
  const { kernel, packs } = packed(backward, inner);
  const n = (x.size / inner) * packs;
  const dx = x.gradLike();
  kernel.run(x.gpu, { tensors: { dy, dx }, params: { n, extent, inner: packs, factor }, grid: ceilDiv(n, GRADIENT_WORKGROUP) });
  return dx;
}

/** Work of summing n elements into m. */
export function cost(n: number, m: number): Cost {
  return { flops: n, bytesRead: f32Bytes(n), bytesWritten: f32Bytes(m) };
}

/** Work of its gradient. */
export function gradientCost(n: number, m: number): Cost {
  return { flops: n, bytesRead: f32Bytes(m), bytesWritten: f32Bytes(n) };
}

export const kernels = [columns.scalar, columns.vec4, ...sumRowsKernels, backward.scalar, backward.vec4];
