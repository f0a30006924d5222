// ln x with a relative error of 8e-8, and ln(1 + e) for 0 ≤ e ≤ 1 with one of 1.3e-7. The built-in log may be off by
// 2⁻²¹ around 1, where ln x is small: every digit may be wrong. Adapters are: one of them has ln 0 = −88, ln(−1) = 0
// and ln NaN = 89.
//   x = 2ⁿ · (1 + f),  √½ ≤ 1 + f < √2,  ln x = n · ln 2 + ln(1 + f),  ln(1 + f) = f − f²/2 + f³ · p(f)
// p is the polynomial of degree 7 whose largest error, 6e-9 of ln(1 + f), is least. What is left of f is added last, as
// it is largest.
// Linked with exp.wgsl, for ln 2 in two parts, and special.wgsl.

const SQRT_HALF_BITS = 0x3f3504f3;

struct Mantissas { power: vec4f, mantissa: vec4f }   // x = 2^power · mantissa, √½ ≤ mantissa < √2

// Of finite numbers above 0. A subnormal one is a whole number of 2⁻¹⁴⁹, given by its bits: no arithmetic may flush it
// to 0.
fn mantissas_of(x: vec4f) -> Mantissas {
  let own = bitcast<vec4i>(x);
  let is_subnormal = own < vec4i(0x00800000);
  let bits = select(own, bitcast<vec4i>(vec4f(own)), is_subnormal);
  let power = (bits - SQRT_HALF_BITS) >> vec4u(23u);
  let mantissas = bitcast<vec4f>(bits - (power << vec4u(23u)));
  return Mantissas(vec4f(power - select(vec4i(), vec4i(149), is_subnormal)), mantissas);
}

// f²/2 − f³ · p(f)
fn log1p_rest(f: vec4f) -> vec4f {
  let high = ((-0.0763449776 * f + 0.127615775) * f - 0.131601822) * f + 0.14201758;
  let p = (((high * f - 0.166233574) * f + 0.200012269) * f - 0.25000821) * f + 0.333333317;
  return f * f * (0.5 - f * p);
}

fn log_of_four(x: vec4f) -> vec4f {
  let parts = mantissas_of(x);
  let f = parts.mantissa - 1.0;
  var y = parts.power * LN2_HIGH + (f - (log1p_rest(f) + parts.power * LN2_REST));
  y = select(y, x, is_infinite(x));
  y = select(y, bitcast<vec4f>(bitcast<vec4u>(x) | vec4u(0xff800000u)), is_zero(x));   // −∞
  return select(y, nan_of(x), is_negative(x) | is_nan(x));
}

// Half of 1 + e is what lies between √½ and √2 where 1 + e itself does not. NaN stays NaN.
fn log1p_of_four(e: vec4f) -> vec4f {
  let is_halved = e > vec4f(0.414213538);
  let n = select(vec4f(), vec4f(1.0), is_halved);
  let f = select(e, 0.5 * e - 0.5, is_halved);
  return n * LN2_HIGH + (f - (log1p_rest(f) + n * LN2_REST));
}
