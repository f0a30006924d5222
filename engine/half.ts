/**
 * Half precision on the host: IEEE 754 binary16, 1 sign, 5 exponent and 10 mantissa bits. The host computes with f32;
 * it meets the 16 bits only when it writes or reads an f16 tensor. (Float16Array would do the same, but Node 20 lacks
 * it.)
 */

/** The largest finite f16. What rounds beyond it becomes infinite. */
export const LARGEST_HALF = 65504;

const F32_INFINITY = 0x7f800000;
/** 65520: half way from the largest f16 to what would come next, so the smallest number that rounds to infinity. */
const TOO_LARGE = 0x477ff000;
/** 2⁻¹⁴, the smallest normal f16. */
const SMALLEST_NORMAL = 0x38800000;
/** Difference of the exponents' biases, 127 − 15, where an f32 has its exponent. */
const BIAS = 112 << 23;
const DROPPED_BITS = 13;

/** The f16 nearest to each value, ties to even, as bits. Too large becomes infinite; NaN stays NaN. */
export function halvesFrom(values: Float32Array): Uint16Array {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const halves = new Uint16Array(values.length);
  for (let i = 0; i < words.length; i++) {
    const sign = (words[i] >>> 16) & 0x8000;
    const magnitude = words[i] & 0x7fffffff;
    halves[i] = sign | roundedMagnitude(magnitude, values[i]);
  }
  return halves;
}

function roundedMagnitude(magnitude: number, value: number): number {
  if (magnitude > F32_INFINITY) return 0x7e00 | ((magnitude >>> DROPPED_BITS) & 0x3ff);
  if (magnitude >= TOO_LARGE) return 0x7c00;
  if (magnitude >= SMALLEST_NORMAL) {
    const even = (magnitude >>> DROPPED_BITS) & 1;
    // a carry out of the mantissa raises the exponent, as it should
    return (magnitude - BIAS + 0xfff + even) >>> DROPPED_BITS;
  }
  // below, f16 are the multiples of 2⁻²⁴
  const steps = Math.abs(value) * 2 ** 24;
  const below = Math.floor(steps);
  const rest = steps - below;
  return rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below;
}

let table: Float32Array | undefined;

/** The values of f16 given as bits: all of them are f32 too. @param result memory for as many, as bits of f32 */
export function valuesOf(halves: Uint16Array, result = new Uint32Array(halves.length)): Float32Array {
  table ??= everyHalf();
  const words = new Uint32Array(table.buffer); // words, not values: moving a NaN as a number may change its bits
  for (let i = 0; i < halves.length; i++) result[i] = words[halves[i]];
  return new Float32Array(result.buffer, result.byteOffset, halves.length);
}

/** The f32 of each of the 65536 bit patterns. */
function everyHalf(): Float32Array {
  const values = new Float32Array(1 << 16);
  const words = new Uint32Array(values.buffer);
  for (let bits = 0; bits < values.length; bits++) {
    const sign = (bits & 0x8000) << 16;
    const exponent = (bits >>> 10) & 0x1f;
    const mantissa = bits & 0x3ff;
    if (exponent === 0x1f) words[bits] = sign | F32_INFINITY | (mantissa << DROPPED_BITS);
    else if (exponent > 0) words[bits] = sign | (((exponent << 10) | mantissa) << DROPPED_BITS) + BIAS;
    else values[bits] = (sign === 0 ? 1 : -1) * mantissa * 2 ** -24;
  }
  return values;
}
