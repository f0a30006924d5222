// Numbers compared by their bits. min, max and comparisons of floats lose NaN on real adapters; those of words lose
// nothing.
//   rank(x) = 2³¹ ± |x|'s bits rises with x, the same for −0 and 0, and turned round by smallest.wgsl; NaN ranks above
//   all, wherever one looks
// For single numbers and for vectors of four, as `number` and `word` are.
// Linked with largest.wgsl or smallest.wgsl.

const ZERO = 0x80000000u;
const NAN = 0xffffffffu;
const INFINITY_BITS = 0x7f800000u;

fn rank_of(x: number) -> word {
  let bits = bitcast<word>(x);
  let size = bits & word(~ZERO);
  let order = select(word(ZERO) - size, word(ZERO) + size, bits == size);
  return select(directed(order), word(NAN), size > word(INFINITY_BITS));
}

// The number of a rank: exactly what was ranked, but that −0 comes back as 0. All NaN are alike.
fn number_of(rank: word) -> number {
  let order = directed(rank);
  let is_negative = order < word(ZERO);
  let size = select(order - word(ZERO), word(ZERO) - order, is_negative);
  return bitcast<number>(select(size, size | word(ZERO), is_negative));
}
