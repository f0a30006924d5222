import { part, type Tensor } from '../../engine/index.ts';
import { packedKernels } from './rows.ts';
import { ceilDiv } from './sizes.ts';
import { type Axis, broadcastStrides, denseStrides, extentParams, fitsPacks, inPacks, mergedAxes, strideParams } from './strided.ts';

const kernel = packedKernels('sum_to', [await part(import.meta.url, './sum_to.wgsl'), await part(import.meta.url, './strided.wgsl')]);

export const sumToKernels = Object.values(kernel);

const WORKGROUP = 64;
/** A sum shorter than this goes in one pass; a longer one in at most MAX_CHUNKS pieces of at least this length. */
const CHUNK = 64;
const MAX_CHUNKS = 256;

/** The gradient of repeating `x`: dy, of the shape that x was repeated to, summed over the repeats; in dy's own memory if there are none. */
export function sumTo(dy: Tensor, x: Tensor): Tensor {
  const strides = broadcastStrides(x.shape, dy.shape);
  const axisOf = (kept: boolean): Axis[] => {
    const of = dy.shape.map((extent, i) => ({ extent, stride: denseStrides(dy.shape)[i], kept: strides[i] !== 0 || extent === 1 })).filter((axis) => axis.kept === kept);
    return mergedAxes('broadcast', of.map(({ extent }) => extent), [of.map(({ stride }) => stride)]);
  };
  if (dy.size === x.size) return dy.reshape(x.shape);
  const total = x.gradLike();
  const reduced = axisOf(false);
  const repeats = dy.size / x.size;
  const chunk = Math.max(CHUNK, ceilDiv(repeats, MAX_CHUNKS));
  const chunks = ceilDiv(repeats, chunk);
  if (chunks === 1) {
    pass(dy, total, axisOf(true), reduced, repeats);
    return total;
  }
  const partial = dy.wide([chunks, x.size], 'partial sums');
  pass(dy, partial, axisOf(true), reduced, chunk);
  const flat = [{ extent: x.size, strides: [1] }];
  pass(partial, total, flat, [{ extent: chunks, strides: [x.size] }], chunks);
  partial.dispose();
  return total;
}

/** One dispatch: sums of `chunk` positions of the reduced axes for each position of the kept ones. */
function pass(x: Tensor, sums: Tensor, keptAxes: readonly Axis[], reducedAxes: readonly Axis[], chunk: number): void {
  const wide = fitsPacks(keptAxes) && reducedAxes.every(({ strides }) => strides[0] % 4 === 0);
  const kept = wide ? inPacks(keptAxes) : keptAxes;
  const reduced = wide ? reducedAxes.map(({ extent, strides }) => ({ extent, strides: [strides[0] / 4] })) : reducedAxes;
  const size = (axes: readonly Axis[]) => axes.reduce((product, { extent }) => product * extent, 1);
  const n = sums.size / (wide ? 4 : 1);
  kernel[wide ? 'vec4' : 'scalar'].run(x.gpu, {
    tensors: { x, sums },
    params: {
      kept: size(kept), reduced: size(reduced), chunk, n,
      ...extentParams('ke', kept), ...strideParams('ks', kept, 0), ...extentParams('re', reduced), ...strideParams('rs', reduced, 0),
    },
    constants: { KEPT_RANK: kept.length, REDUCED_RANK: reduced.length },
    grid: ceilDiv(n, WORKGROUP),
  });
}
