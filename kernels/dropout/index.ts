import { flat, flatTiles, inRanges, Kernel, part, record, ShapeError, sizeOf, Struct,
  type Tensor } from '../../engine/index.ts';
import { checkFraction } from '../shared/numbers.ts';
import { ceilDiv } from '../shared/sizes.ts';

export { cost, gradientCost } from './cost.ts';

const text = await part(import.meta.url, './dropout.wgsl');
const philox = await part(import.meta.url, '../shared/philox.wgsl');
const special = await part(import.meta.url, '../shared/special.wgsl');
const kernel = new Kernel('dropout', [text, flat, philox, special]);

/** The state of a draw: seed and step. */
export const DRAW = new Struct(text, 'Draw', 'u32', ['seed_low', 'seed_high', 'step', 'unused']);

/** Where random numbers come from. */
export interface Draw {
  /**
   * `DRAW`, [4]: seed low, seed high, step, 0. On the GPU, so that a recorded step draws anew when the host writes
   * the next step.
   */
  readonly state: Tensor<'u32'>;
  /** Tells one call site from another. */
  readonly layer: number;
}

/**
 * Drops each element with probability `rate` and scales the others by 1/(1 − rate). Srivastava et al. 2014, section
 * 4. The mask is a function of seed, step, layer and element (Philox4x32-10), so it is not stored. At a rate of 0 the
 * result is a view of `x`.
 */
export function dropout(x: Tensor, rate: number, draw: Draw): Tensor {
  return drop('dropout', x, rate, draw, x.size, 1);
}

/**
 * Stochastic depth: drops all elements of an index of dimension `dim` together. Huang et al. 2016, arXiv:1603.09382.
 *
 * @param dim 0, one draw per sample, unless said otherwise
 */
export function dropPath(x: Tensor, rate: number, draw: Draw, dim = 0): Tensor {
  if (!Number.isInteger(dim) || dim < 0 || dim >= x.shape.length) {
    throw new ShapeError('dropPath', `x is [${x.shape}], it has no dimension ${dim}`);
  }
  return drop('dropPath', x, rate, draw, x.shape[dim], sizeOf(x.shape.slice(dim + 1)));
}

function drop(op: string, x: Tensor, rate: number, { state, layer }: Draw, extent: number, inner: number): Tensor {
  checkFraction(op, 'rate', rate);
  if (state.size !== DRAW.words) {
    throw new ShapeError(op, `the draw's state is [${state.shape}], expected [4]: seed low, seed high, step, 0`);
  }
  if (rate === 0) return x.reshape(x.shape); // a tensor of its own: what disposes of y must not free x
  const apply = (from: Tensor, to: Tensor) => {
    inRanges(x.gpu, x.size, { x: from, y: to }, (tensors, n, first) => {
      const { tile, grid } = flatTiles(x.gpu, ceilDiv(n, 4));
      kernel.run(x.gpu, { tensors: { ...tensors, draw: state }, params: { n, tile, first, extent, inner, layer, rate },
        grid });
    });
    return to;
  };
  return record(apply(x, x.like()), [x], (dy) => [apply(dy, x.gradLike())], [state]);
}

/** All kernels of the room, for checks and tuning. */
export const kernels = [kernel];
