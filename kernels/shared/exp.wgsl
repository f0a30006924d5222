// eˣ with a relative error under 2⁻²³. The built-in exp may be off by 3 + 2·|x| units in the last place, and adapters are off by 5 at
// x = −10, mostly because they take 2 to the power of a rounded product.
//   x = n · ln 2 + r,  |r| ≤ ½ ln 2,  eˣ = 2ⁿ · (1 + r + r² · q(r)),  q the polynomial whose largest relative error, 3e-9, is least
// What is no normal number is 0 at the lower end and not finite at the upper one. NaN stays NaN.

const LOG2_E = 1.44269504;
// ln 2 = LN2_HIGH − LN2_REST. The first has 9 bits, so that n times it is exact.
const LN2_HIGH = 0.693359375;
const LN2_REST = 2.12194440e-4;
const LOWEST = -87.3;   // eˣ of less is no normal f32

fn exp_of(x: f32) -> f32 {
  let n = round(LOG2_E * x);
  let r = (x - n * LN2_HIGH) + n * LN2_REST;
  let q = (((0.00138146132 * r + 0.00836870985) * r + 0.0416683874) * r + 0.166665207) * r + 0.499999935;
  return select(ldexp((q * r * r + r) + 1.0, i32(n)), 0.0, x < LOWEST);
}

fn exp_of_four(x: vec4f) -> vec4f { return vec4f(exp_of(x.x), exp_of(x.y), exp_of(x.z), exp_of(x.w)); }
