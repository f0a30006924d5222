import { flat, part, record, runsOf, type Tensor } from '../../engine/index.ts';
import { inRanges } from '../shared/flat.ts';
import type { Cost } from '../shared/room.ts';
import { packed, packedKernels, type PackedKernels } from '../shared/rows.ts';
import { f32Bytes } from '../shared/sizes.ts';
import { broadcastShape, broadcastStrides, extentParams, fitsPacks, inPacks, mergedAxes, strideParams } from '../shared/strided.ts';
import { sumTo, sumToKernels } from '../shared/sum_to.ts';

/** What is done to two operands. */
export type Combination = 'add' | 'sub' | 'mul';

const broadcasting = [await part(import.meta.url, './elementwise.wgsl'), await part(import.meta.url, '../shared/strided.wgsl'), flat];
const combinations: Readonly<Record<Combination, PackedKernels>> = {
  add: packedKernels('add', [...broadcasting, await part(import.meta.url, './add.wgsl')]),
  sub: packedKernels('sub', [...broadcasting, await part(import.meta.url, './sub.wgsl')]),
  mul: packedKernels('mul', [...broadcasting, await part(import.meta.url, './mul.wgsl')]),
};
const scaling = packedKernels('scale', [await part(import.meta.url, './scale.wgsl'), flat]);
const exponential = packedKernels('exp', [await part(import.meta.url, './exp.wgsl'), await part(import.meta.url, '../shared/exp.wgsl'), flat]);

/** y = a + b with NumPy's broadcasting. Nothing is kept for the gradient; equal shapes pass dy on as it is. */
export function add(a: Tensor, b: Tensor): Tensor {
  return record(combine('add', a, b), [a, b], (dy) => [gradientTo(a, dy), gradientTo(b, dy)], []);
}

/** y = a − b with NumPy's broadcasting. Nothing is kept for the gradient. */
export function sub(a: Tensor, b: Tensor): Tensor {
  return record(combine('sub', a, b), [a, b], (dy) => [gradientTo(a, dy), b.requiresGrad ? scaleTo(b, sumTo(dy, b), -1) : undefined], []);
}

/** y = a · b, element by element, with NumPy's broadcasting. */
export function mul(a: Tensor, b: Tensor): Tensor {
  return record(combine('mul', a, b), [a, b], (dy) => [productTo(a, dy, b), productTo(b, dy, a)]);
}

/** y = factor · x. Only for factors fixed by the model: one that changes from step to step is a tensor, for `mul`. */
export function scale(x: Tensor, factor: number): Tensor {
  return record(scaled(x, factor, x.like()), [x], (dy) => [scaleTo(x, dy, factor)], []);
}

/** y = eˣ. */
export function exp(x: Tensor): Tensor {
  const y = x.like();
  inRanges(x.gpu, x.size, { x, y }, (tensors, count) => {
    const { kernel, packs: n } = packed(exponential, count);
    const { run, grid } = runsOf(x.gpu, n);
    kernel.run(x.gpu, { tensors, params: { n, run }, grid });
  });
  return record(y, [x], (dy) => [combineInto('mul', dy, y, x.gradLike())], [y]);
}

/** A new tensor of combined elements. */
function combine(op: Combination, a: Tensor, b: Tensor): Tensor {
  return combineInto(op, a, b, a.like(broadcastShape(op, a.shape, b.shape)));
}

function combineInto(op: Combination, a: Tensor, b: Tensor, y: Tensor): Tensor {
  const { gpu } = y;
  const work = (tensors: { a: Tensor; b: Tensor; y: Tensor }) => {
    const { shape } = tensors.y;
    const axes = mergedAxes(op, shape, [broadcastStrides(tensors.a.shape, shape), broadcastStrides(tensors.b.shape, shape)]);
    const wide = fitsPacks(axes);
    const walked = wide ? inPacks(axes) : axes;
    const n = tensors.y.size / (wide ? 4 : 1);
    const { run, grid } = runsOf(gpu, n);
    combinations[op][wide ? 'vec4' : 'scalar'].run(gpu, {
      tensors,
      params: { n, run, ...extentParams('e', walked), ...strideParams('a', walked, 0), ...strideParams('b', walked, 1) },
      constants: { RANK: walked.length },
      grid,
    });
  };
  if (a.size === y.size && b.size === y.size) inRanges(gpu, y.size, { a, b, y }, work);
  else work({ a, b, y });
  return y;
}

/** dy itself, or its sum over the axes along which `x` was repeated. */
function gradientTo(x: Tensor, dy: Tensor): Tensor | undefined {
  return x.requiresGrad ? sumTo(dy, x) : undefined;
}

/** The gradient of x in x · other. */
function productTo(x: Tensor, dy: Tensor, other: Tensor): Tensor | undefined {
  if (!x.requiresGrad) return undefined;
  if (x.size === dy.size) return combineInto('mul', dy, other, x.gradLike());
  return sumTo(combineInto('mul', dy, other, dy.wide(dy.shape, 'product')), x);
}

/** factor · dy as the gradient of x. */
function scaleTo(x: Tensor, dy: Tensor, factor: number): Tensor {
  return scaled(dy, factor, x.gradLike());
}

function scaled(x: Tensor, factor: number, y: Tensor): Tensor {
  inRanges(x.gpu, x.size, { x, y }, (tensors, count) => {
    const { kernel, packs: n } = packed(scaling, count);
    const { run, grid } = runsOf(x.gpu, n);
    kernel.run(x.gpu, { tensors, params: { n, run, factor }, grid });
  });
  return y;
}

/** Work of one forward call of a combination: a of `m` elements and b of `k` make y of `n`. */
export function cost(m: number, k: number, n: number): Cost {
  return { flops: n, bytesRead: f32Bytes(m + k), bytesWritten: f32Bytes(n) };
}

/** Work of both gradients. `mul` reads the operands again, repeated operands are summed; `add` of equal shapes does nothing. */
export function gradientCost(op: Combination, m: number, k: number, n: number): Cost {
  const products = op === 'mul' ? 2 * n : 0;
  const summed = [m, k].filter((size) => size !== n);
  const sums = summed.length * n;
  return { flops: products + sums, bytesRead: f32Bytes(2 * products + sums), bytesWritten: f32Bytes(products + summed.reduce((a, b) => a + b, 0)) };
}

export const kernels = [...[...Object.values(combinations), scaling, exponential].flatMap((kernel) => Object.values(kernel)), ...sumToKernels];
