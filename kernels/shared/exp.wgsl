// eˣ with a relative error under 2⁻²³. The built-in exp may be off by 3 + 2·|x| units in the last place, and adapters
// are off by 5 at x = −10, mostly because they take 2 to the power of a rounded product.
//   x = n · ln 2 + r,  |r| ≤ ½ ln 2,  eˣ = 2ⁿ · (1 + r + r² · q(r)),  q the polynomial whose largest relative error,
//   3e-9, is least
// What is no normal number is 0 at the lower end and not finite at the upper one. NaN stays NaN.

const LOG2_E = 1.44269504;
// ln 2 = LN2_HIGH − LN2_REST. The first has 9 bits, so that n times it is exact.
const LN2_HIGH = 0.693359375;
const LN2_REST = 2.12194440e-4;
const LOWEST = -87.3;   // eˣ of less is no normal f32: it lies below 2⁻¹²⁶

// Added to a number below 2²² it leaves that number, rounded to a whole one, in the last bits of the sum. A conversion
// to i32 would do the same, but slower: it must also be right for numbers that no i32 holds.
const ROUNDER = 12582912.0;   // 1.5 · 2²³
const ROUNDER_BITS = 0x4b400000;

fn exp_of_four(x: vec4f) -> vec4f {
  let whole = bitcast<vec4i>(LOG2_E * x + ROUNDER) - ROUNDER_BITS;
  let n = vec4f(whole);
  let r = (x - n * LN2_HIGH) + n * LN2_REST;
  let q = (((0.00138146132 * r + 0.00836870985) * r + 0.0416683874) * r + 0.166665207) * r + 0.499999935;
  // 2ⁿ in two factors, because 2¹²⁸ is no f32 and the largest powers of e lie around it
  let rest = two_to(clamp(whole - 127, vec4i(0), vec4i(127)));
  let power = two_to(min(whole, vec4i(127))) * ((q * r * r + r) + 1.0) * rest;
  return select(power, vec4f(), x < vec4f(LOWEST));
}

fn exp_of(x: f32) -> f32 { return exp_of_four(vec4f(x)).x; }

// 2ⁿ for n from −126 to 127: the exponent of an f32 is n + 127, in its bits from 23 on.
fn two_to(n: vec4i) -> vec4f { return bitcast<vec4f>((n + 127) << vec4u(23u)); }
