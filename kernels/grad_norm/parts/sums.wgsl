// How a lane of the norm adds up, in both of its stages.

// The largest f32. No sum of squares that is to be trusted comes near it.
const HUGE = 3.4028234e38f;

// HUGE for NaN, infinity, and sums that overflowed. Exponent bits are all ones in exactly these.
fn finite_or_huge(sum: f32) -> f32 { return select(sum, HUGE, (bitcast<u32>(sum) & 0x7f800000u) == 0x7f800000u); }

// A lane adds this many numbers at a time, and then their sum: equal roundings of a long chain would add up.
const CHAIN = 16u;
