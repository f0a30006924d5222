import { philox } from '../../engine/index.ts';

/** What is drawn: seed low, seed high, step, 0; and which call site draws. */
export interface DrawReference {
  readonly state: Float64Array;
  readonly layer: number;
}

/**
 * y = x · kept / (1 − rate), one draw per index of the middle dimension of [outer, extent, inner]. Linear, so dx
 * comes from dy alike.
 */
export function drop(x: Float64Array, rate: number, { state, layer }: DrawReference, extent: number,
  inner: number): Float64Array {
  return x.map((value, i) => {
    const index = Math.floor(i / inner) % extent;
    const words = philox([Math.floor(index / 4), layer, state[2], 0], [state[0], state[1]]);
    const uniform = (words[index % 4] >>> 8) / 2 ** 24;
    return uniform >= rate ? value / (1 - rate) : 0 * value;
  });
}
