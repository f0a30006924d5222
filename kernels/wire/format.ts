/** Numbers on the wire: blocks of f16 with one power of two each. GPU and host do the same, bit for bit. */

/** Numbers of a block. */
export const BLOCK = 1024;
/** The exponent that the largest number of a block gets. */
export const TOP = 14;
/** The least exponent of a block, as a field of f32, 127 more: what f16 keeps below it is not subnormal in f32. */
export const LEAST = 47;
/** Words of a block: its exponent, and two numbers in each further one. */
export const RECORD = 1 + BLOCK / 2;
/** The exponent of a block with a NaN or an infinity. */
const MARKED = 255;

const bits = new Uint32Array(BLOCK);
const sums = new Float32Array(bits.buffer);
const word = new Uint32Array(1);
const number = new Float32Array(word.buffer);

/** 2^(field − 127). */
function powerOf(field: number): number {
  word[0] = field << 23;
  return number[0];
}

/** Of all bits that an f16 can have. */
const OF_HALF = Float32Array.from({ length: 1 << 16 }, (_, half) => {
  const [magnitude, sign] = [half & 0x7fff, half & 0x8000 ? -1 : 1];
  return sign *
    (magnitude < 0x400 ? magnitude * 2 ** -24 : (1 + (magnitude & 0x3ff) / 1024) * 2 ** ((magnitude >> 10) - 15));
});

/** The nearest f16 of an f32 below 2^16, both as bits; ties to even. */
function halfOf(own: number): number {
  const [sign, magnitude] = [(own >>> 16) & 0x8000, own & 0x7fffffff];
  if (magnitude >= 0x38800000) return sign | ((magnitude + 0xfff + ((magnitude >>> 13) & 1) - 0x38000000) >>> 13);
  const shift = Math.min(126 - Math.min(magnitude >>> 23, 112), 25);
  const mantissa = (magnitude & 0x7fffff) | 0x800000;
  return sign | ((mantissa + (1 << (shift - 1)) - 1 + ((mantissa >>> shift) & 1)) >>> shift);
}

/** into = f16(from + into), block by block: what a GPU makes of two packed tensors, added in f32. */
export function addPacked(from: Uint32Array, into: Uint32Array): void {
  for (let at = 0; at < into.length; at += RECORD) {
    addBlock(from.subarray(at, at + RECORD), into.subarray(at, at + RECORD));
  }
}

function addBlock(from: Uint32Array, into: Uint32Array): void {
  if (from[0] === MARKED || into[0] === MARKED) return void into.fill(0x3c003c00).fill(MARKED, 0, 1);
  const [a, b] = [powerOf(Math.max(from[0], LEAST) - TOP), powerOf(Math.max(into[0], LEAST) - TOP)];
  for (let i = 1, k = 0; i < RECORD; i++, k += 2) {
    sums[k] = OF_HALF[from[i] & 0xffff] * a + OF_HALF[into[i] & 0xffff] * b;
    sums[k + 1] = OF_HALF[from[i] >>> 16] * a + OF_HALF[into[i] >>> 16] * b;
  }
  let largest = 0;
  for (let k = 0; k < BLOCK; k++) largest = Math.max(largest, bits[k] & 0x7fffffff);
  const field = Math.max(largest >>> 23, LEAST);
  if (field === MARKED) return void into.fill(0x3c003c00).fill(MARKED, 0, 1);
  const scale = powerOf(254 + TOP - field);
  for (let k = 0; k < BLOCK; k++) sums[k] *= scale;
  into[0] = field;
  for (let i = 1, k = 0; i < RECORD; i++, k += 2) into[i] = halfOf(bits[k]) | (halfOf(bits[k + 1]) << 16);
}
