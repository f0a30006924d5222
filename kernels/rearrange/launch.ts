/** The strided copy that all operations of this room are made of, and the gradient of a slice. */
import { flat, flatTiles, part, type Shape, ShapeError, type Tensor } from '../../engine/index.ts';
import { vectorKernels } from '../shared/rows.ts';
import { extentParams, fitsVectors, inVectors, mergedAxes, strideParams } from '../shared/strided.ts';
import { inSmallBoxes } from './boxes.ts';

const strided = await part(import.meta.url, '../shared/strided.wgsl');
const copying = vectorKernels('rearrange', [await part(import.meta.url, './rearrange.wgsl'), strided, flat]);
const slicing = vectorKernels('slice_grad', [await part(import.meta.url, './slice_grad.wgsl'), flat]);

export const copyKernels = [copying, slicing].flatMap((kernel) => Object.values(kernel));

/** Where a copy begins in x and in y, and whether it is added to what is there. */
interface CopyOptions {
  readonly from?: number;
  readonly to?: number;
  readonly isAdded?: boolean;
}

/** y := x over an index space of `shape`, walked with strides of each. */
export function copy(
  op: string,
  x: Tensor,
  y: Tensor,
  shape: Shape,
  xStrides: readonly number[],
  yStrides: readonly number[],
  options: CopyOptions = {},
): void {
  const { from = 0, to = 0, isAdded = false } = options;
  const axes = mergedAxes(op, shape, [xStrides, yStrides]);
  const wide = fitsVectors(axes) && from % 4 === 0 && to % 4 === 0;
  const vector = wide ? 4 : 1;
  const space = { axes: wide ? inVectors(axes) : axes, starts: [from / vector, to / vector] };
  inSmallBoxes(space, x, y, vector, (x, y, { axes: walked, starts: [x_start, y_start] }) => {
    const n = walked.reduce((product, { extent }) => product * extent, 1);
    const { tile, grid } = flatTiles(x.gpu, n);
    const axisParams = { ...extentParams('e', walked), ...strideParams('x', walked, 0),
      ...strideParams('y', walked, 1) };
    copying[wide ? 'vec4' : 'scalar'].run(x.gpu, {
      tensors: { x, y },
      params: { n, tile, x_start, y_start, ...axisParams },
      constants: { RANK: walked.length, ADDED: isAdded },
      grid,
    });
  });
}

/** dx := dy in its place, and 0 around it, in one pass. */
export function sliceGradient(dy: Tensor, dx: Tensor, row: number, start: number, end: number): void {
  const wide = [row, start, end].every((at) => at % 4 === 0);
  const vector = wide ? 4 : 1;
  const n = dx.size / vector;
  const { tile, grid } = flatTiles(dx.gpu, n);
  slicing[wide ? 'vec4' : 'scalar'].run(dx.gpu, {
    tensors: { dy, dx },
    params: { n, tile, row: row / vector, start: start / vector, end: end / vector },
    grid,
  });
}

/** Throws unless x has this axis. */
export function checkDim(op: string, x: Tensor, dim: number): void {
  if (Number.isInteger(dim) && dim >= 0 && dim < x.shape.length) return;
  throw new ShapeError(op, `[${x.shape}] has no axis ${dim}`, `axes are 0 to ${x.shape.length - 1}`);
}
