import { Kernel, part, record, ShapeError, sizeOf, type Tensor } from '../../engine/index.ts';
import type { Cost } from '../shared/room.ts';
import { packed, rowKernels, rowLaunch } from '../shared/rows.ts';
import { ceilDiv, f32Bytes } from '../shared/sizes.ts';

const columns = new Kernel('reduce', [await part(import.meta.url, './reduce.wgsl')]);
const rows = rowKernels('reduce_rows', [await part(import.meta.url, './reduce_rows.wgsl')]);
const backward = new Kernel('reduce_grad', [await part(import.meta.url, './reduce_grad.wgsl')]);

const OUTPUTS_PER_WORKGROUP = 64;
const GRADIENT_WORKGROUP = 256;
/** A sum of everything goes through this many partial sums. */
const PARTIAL_SUMS = 256;

/**
 * Σ over dimension `dim`, which vanishes from the shape. Negative dimensions count from the end.
 *
 * @param x [..., extent, ...]
 */
export function sum(x: Tensor, dim: number): Tensor {
  return reduce('sum', x, dim, () => 1);
}

/** Mean over dimension `dim`, which vanishes from the shape. */
export function mean(x: Tensor, dim: number): Tensor {
  return reduce('mean', x, dim, (extent) => 1 / extent);
}

/** Σ over all elements, as a scalar []. Long tensors go through partial sums in a fixed order. */
export function sumAll(x: Tensor): Tensor {
  const chunk = ceilDiv(x.size, PARTIAL_SUMS);
  if (chunk > PARTIAL_SUMS && x.size % PARTIAL_SUMS === 0) return sum(sum(x.reshape([PARTIAL_SUMS, x.size / PARTIAL_SUMS]), 1), 0);
  return sum(x.reshape([x.size]), 0);
}

function reduce(op: string, x: Tensor, dim: number, factorOf: (extent: number) => number): Tensor {
  const rank = x.shape.length;
  const at = dim < 0 ? dim + rank : dim;
  if (!Number.isInteger(at) || at < 0 || at >= rank) throw new ShapeError(op, `x is [${x.shape}], it has no dimension ${dim}`);
  const { gpu } = x;
  const extent = x.shape[at];
  const inner = sizeOf(x.shape.slice(at + 1));
  const factor = factorOf(extent);
  const y = x.like(x.shape.filter((_, i) => i !== at));
  if (inner === 1) {
    const { kernel, packs } = packed(rows, extent);
    kernel.run(gpu, { tensors: { x, y }, params: { rows: y.size, packs, factor }, ...rowLaunch(gpu, kernel, y.size) });
  } else {
    columns.run(gpu, { tensors: { x, y }, params: { outputs: y.size, extent, inner, factor }, grid: ceilDiv(y.size, OUTPUTS_PER_WORKGROUP) });
  }
  return record(
    y,
    [x],
    (dy) => {
      const dx = x.gradLike();
      backward.run(gpu, { tensors: { dy, dx }, params: { n: x.size, extent, inner, factor }, grid: ceilDiv(x.size, GRADIENT_WORKGROUP) });
      return [dx];
    },
    [],
  );
}

/** Work of summing n elements into m. */
export function cost(n: number, m: number): Cost {
  return { flops: n, bytesRead: f32Bytes(n), bytesWritten: f32Bytes(m) };
}

/** Work of its gradient. */
export function gradientCost(n: number, m: number): Cost {
  return { flops: n, bytesRead: f32Bytes(m), bytesWritten: f32Bytes(n) };
}

export const kernels = [columns, rows.scalar, rows.vec4, backward];
