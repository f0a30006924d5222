// tanh x with a relative error of 1.4e-7. The built-in may be off by 1e-5, by all of x where that is small, and is NaN
// for x = 89 on one adapter.
//   x + x³ · p(x²)          where |x| < 0.625, p the polynomial of degree 4 whose largest error, 5e-9 of tanh x, is
//   least
//   ±(1 − 2 / (1 + e^2|x|))  beyond, where nothing cancels. e^2|x| = ∞ gives 1.
// NaN stays NaN. Linked with exp.wgsl and special.wgsl.

fn tanh_of_four(x: vec4f) -> vec4f {
  let square = x * x;
  let inner = ((-0.00570498692 * square + 0.0206390872) * square - 0.053739715) * square;
  let p = (inner + 0.133314422) * square - 0.333332819;
  let beyond = 1.0 - 2.0 / (1.0 + exp_of_four(2.0 * abs(x)));
  return with_sign(select(beyond, x + x * (square * p), abs(x) < vec4f(0.625)), x);
}
