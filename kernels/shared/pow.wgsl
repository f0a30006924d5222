// aᵇ with a relative error of 4e-7. The built-in pow is undefined for a < 0, and inherits the error of a product of b
// and log2 a: 5e-6 where the result is large. An error of b · ln a is a relative error of the result, so ln a has to be
// known to 2⁻³⁰. It is kept in two numbers:
//   a = 2ⁿ · m,  s = (m − 1) / (m + 1),  ln a = n · ln 2 + 2 · artanh s,  2 · artanh s = 2s + s³ · q(s²)
// q is the polynomial of degree 3 whose largest error is least. 2s carries nearly all of the value, so s is a number of
// 12 bits plus a rest.
// Products of two such numbers are exact. Bits are cut off by a mask, where a compiler that takes rounding errors for
// none cannot follow.
// Ends and signs as IEEE 754 has them: a⁰ = 1 and 1ᵇ = 1, for NaN too. Linked with exp.wgsl, log.wgsl and special.wgsl.

struct InTwo { high: vec4f, low: vec4f }   // high has 12 bits

fn high_bits(x: vec4f) -> vec4f { return bitcast<vec4f>(bitcast<vec4u>(x) & vec4u(0xfffff000u)); }

// ln a of finite numbers above 0.
fn log_in_two(a: vec4f) -> InTwo {
  let parts = mantissas_of(a);
  let m = parts.mantissa;
  let divisor = m + 1.0;
  let divisor_high = high_bits(divisor);
  let divisor_low = m - (divisor_high - 1.0);
  let s_high = high_bits((m - 1.0) / divisor);
  let s_low = (((m - 1.0) - s_high * divisor_high) - s_high * divisor_low) / divisor;
  let s = s_high + s_low;
  let square = s * s;
  let q = ((0.235814756 * square + 0.285373468) * square + 0.400003345) * square + 0.666666656;
  let rest = 2.0 * s_low + (s * square * q - parts.power * LN2_REST);
  let whole = parts.power * LN2_HIGH;
  let high = high_bits(whole + (2.0 * s_high + rest));
  return InTwo(high, ((whole - high) + 2.0 * s_high) + rest);
}

fn pow_of_four(a: vec4f, b: vec4f) -> vec4f {
  let log_a = log_in_two(abs(a));
  let held = clamp(b, vec4f(-1e30), vec4f(1e30));   // as good as infinite, but no ∞ − ∞
  let b_high = high_bits(held);
  let exact = b_high * log_a.high;
  let added = (held - b_high) * log_a.high + held * log_a.low;
  let product = bitcast<vec4f>(bitcast<vec4u>(exact + added) & vec4u(0xfffffffeu));
  // 0 and ∞ have no logarithm
  let is_end = is_zero(a) | is_infinite(a);
  let is_up = is_zero(a) == (b < vec4f());
  let z = select(product, select(vec4f(-1000.0), vec4f(1000.0), is_up), is_end);
  let rest = select((exact - product) + added, vec4f(), abs(z) > vec4f(100.0));
  var y = exp_of_four(z) * (1.0 + rest);

  let is_whole = floor(b) == b;
  let is_odd = is_whole & (floor(0.5 * b) != 0.5 * b);
  y = select(y, with_sign(y, a), is_odd);
  y = select(y, nan_of(a), is_nan(a) | is_nan(b) | (is_negative(a) & !is_infinite(a) & !is_whole));
  // what people write most is exact
  y = select(y, a, b == vec4f(1.0));
  y = select(y, a * a, b == vec4f(2.0));
  return select(y, vec4f(1.0), is_zero(b) | (a == vec4f(1.0)));
}
