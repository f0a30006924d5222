import type { FloatType } from '../../engine/index.ts';
import type { StoredSummands, Tolerance } from './room.ts';

/** Largest relative error of rounding to the nearest f16: half a unit in the last of 11 places. */
const HALF_ROUNDING = 2 ** -11;
/** Largest absolute error where f16 are no longer normal and lie 2⁻²⁴ apart. */
const SUBNORMAL_ROUNDING = 2 ** -25;
/**
 * Independent errors add up like a random walk; of the few thousand elements of a case none is off by more than four
 * deviations.
 */
const DEVIATIONS = 4;

/**
 * What a result may be off by when tensors are stored as f16, from what it may be off by in f32:
 *   atol + 4 · scale · 2⁻¹¹ · √(roundings · count), or rtol + 2⁻¹¹ · roundings, for f16 that were stored on the way,
 *   and
 *   rtol + 2⁻¹¹ and atol + 2⁻²⁵  if it is stored as f16 itself.
 * Arithmetic is that of f32. Copies stay exact.
 */
export function halfTolerance(f32: Tolerance, stored: FloatType,
  summands: StoredSummands = { roundings: 0, count: 0 }): Tolerance {
  const { roundings, count, scale } = summands;
  if (f32.atol === 0 && f32.rtol === 0 && roundings === 0) return f32;
  const [store, subnormal] = stored === 'f16' ? [HALF_ROUNDING, SUBNORMAL_ROUNDING] : [0, 0];
  const [relative, absolute] = scale === undefined
    ? [HALF_ROUNDING * roundings, 0]
    : [0, DEVIATIONS * scale * HALF_ROUNDING * Math.sqrt(roundings * count)];
  return { atol: f32.atol + absolute + subnormal, rtol: f32.rtol + relative + store,
    why: `${f32.why}; ${stored} stores${roundings > 0 ? `, ${roundings} roundings to f16 on the way` : ''}` };
}
