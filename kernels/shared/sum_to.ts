import { copy, part, Tensor } from '../../engine/index.ts';
import { boundOf, boxesOf, mostOf, reachOf } from './boxes.ts';
import { vectorKernels } from './rows.ts';
import { ceilDiv } from './sizes.ts';
import { type Axis, broadcastStrides, denseStrides, extentParams, fitsVectors, inVectors, mergedAxes, positionsOf,
  strideParams } from './strided.ts';

const strided = await part(import.meta.url, './strided.wgsl');
const kernel = vectorKernels('sum_to', [await part(import.meta.url, './sum_to.wgsl'), strided]);

export const sumToKernels = Object.values(kernel);

/** Lanes of a workgroup, each of which has a sum. */
const WORKGROUP = 64;
/** A sum shorter than this goes in one pass; a longer one in at most MOST_SPLITS splits of at least this length. */
const LEAST_LENGTH = 64;
const MOST_SPLITS = 256;

/** What is known of a tensor that was repeated; its content is not read. */
type Repeated = Pick<Tensor, 'shape' | 'size' | 'gradLike'>;

/**
 * The gradient of repeating `x`: dy, of the shape that x was repeated to, summed over the repeats; in dy's own memory
 * if there are none.
 */
export function sumTo(dy: Tensor, x: Repeated): Tensor {
  if (dy.size === x.size) return dy.reshape(x.shape);
  const [strides, dense] = [broadcastStrides(x.shape, dy.shape), denseStrides(dy.shape)];
  const axisOf = (kept: boolean): Axis[] => {
    const isKept = (i: number) => strides[i] !== 0 || dy.shape[i] === 1;
    const of = dy.shape.map((extent, i) => ({ extent, stride: dense[i] })).filter((_, i) => isKept(i) === kept);
    return mergedAxes('broadcast', of.map(({ extent }) => extent), [of.map(({ stride }) => stride)]);
  };
  const repeats = dy.size / x.size;
  const splitLength = Math.max(LEAST_LENGTH, ceilDiv(repeats, MOST_SPLITS));
  const splits = ceilDiv(repeats, splitLength);
  const total = x.gradLike();
  if (splits === 1) {
    sumOver(dy, total, axisOf(true), axisOf(false));
    return total;
  }
  using partial = dy.wide([splits, x.size], 'partial sums');
  pass(dy, partial, axisOf(true), axisOf(false), splitLength);
  sumOver(partial, total, [{ extent: x.size, strides: [1] }], [{ extent: splits, strides: [x.size] }]);
  return total;
}

/** The same sum where it is not the gradient itself, so that it takes no place in an arena. */
export function sumApart(dy: Tensor, { gpu, shape, size, gradType, label }: Tensor): Tensor {
  return sumTo(dy, { shape, size, gradLike: () => Tensor.empty(gpu, shape, gradType, `d ${label}`) });
}

/** Whole sums. A dispatch may go on with the sums of another, which f16 must not have rounded. */
function sumOver(x: Tensor, total: Tensor, kept: readonly Axis[], reduced: readonly Axis[]): void {
  const isAtOnce = mostOf(x, 1) === Number.POSITIVE_INFINITY;
  if (total.dtype === 'f32' || isAtOnce) return pass(x, total, kept, reduced, positionsOf(reduced));
  using sums = total.wide(total.shape, 'sums');
  pass(x, sums, kept, reduced, positionsOf(reduced));
  copy(sums, total);
}

/**
 * Sums of `splitLength` positions of the reduced axes of x for each position of the kept ones: one dispatch, unless x
 * or sums exceed a binding. A box over all axes, from the outermost in memory inwards, has neighbouring kept and
 * neighbouring reduced positions, each in their own order.
 */
function pass(
  x: Tensor,
  sums: Tensor,
  keptAxes: readonly Axis[],
  reducedAxes: readonly Axis[],
  splitLength: number,
): void {
  const wide = fitsVectors(keptAxes) && reducedAxes.every(({ strides }) => strides[0] % 4 === 0);
  const vector = wide ? 4 : 1;
  const kept = wide ? inVectors(keptAxes) : keptAxes;
  const reduced = reducedAxes.map(({ extent, strides }) => ({ extent, strides: [strides[0] / vector] }));
  const row = positionsOf(kept);
  const most = mostOf(sums, vector);
  const positions = [...counted(kept, (step) => [step, 0]), ...counted(reduced, (step) => [0, step])];
  const all = positions.sort((a, b) => a.strides[0] - b.strides[0]);
  for (const { axes, starts: [first, k, r] } of boxesOf(all, [mostOf(x, vector), most, Number.POSITIVE_INFINITY])) {
    const count = positionsOf(axes.filter(({ strides }) => strides[1] > 0));
    const end = r + positionsOf(axes.filter(({ strides }) => strides[2] > 0));
    const lastSplit = ceilDiv(end, splitLength);
    const splits = Math.min(lastSplit, 1 + Math.floor((most - count) / row)); // whose sums fit one binding
    using from = boundOf(x, vector, first, first + reachOf(axes, 0));
    for (let s = Math.floor(r / splitLength); s < lastSplit; s += splits) {
      const here = Math.min(splits, lastSplit - s);
      using to = boundOf(sums, vector, s * row + k, (s + here - 1) * row + k + count);
      const n = here * count;
      kernel[wide ? 'vec4' : 'scalar'].run(x.gpu, {
        tensors: { x: from.tensor, sums: to.tensor },
        params: {
          kept: row,
          split_length: splitLength,
          n,
          k_first: k,
          k_count: count,
          s_first: s,
          r_first: r,
          r_end: end,
          x_origin: from.origin,
          sums_origin: to.origin,
          ...extentParams('ke', kept),
          ...strideParams('ks', kept, 0),
          ...extentParams('re', reduced),
          ...strideParams('rs', reduced, 0),
        },
        constants: { WORKGROUP, KEPT_RANK: kept.length, REDUCED_RANK: reduced.length },
        grid: ceilDiv(n, WORKGROUP),
      });
    }
  }
}

/** The axes with the steps, behind those in x, that one along them makes in the numbering of their positions. */
function counted(axes: readonly Axis[], steps: (step: number) => readonly [number, number]): Axis[] {
  const inside = (i: number) => positionsOf(axes.slice(0, i));
  return axes.map(({ extent, strides }, i) => ({ extent, strides: [strides[0], ...steps(inside(i))] }));
}
