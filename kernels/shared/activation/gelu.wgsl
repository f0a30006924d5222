// GELU, exact form: y = x · Φ(x), Φ(x) = (1 + erf(x/√2)) / 2. Hendrycks & Gimpel 2016, arXiv:1606.08415, section 2.
// Linked with ../special.wgsl.

// exp(−x²/2). What is beyond 20 is 0 anyway; x² is held finite.
fn bell(x: vec4f) -> vec4f {
  let held = min(abs(x), vec4f(20.0));
  return exp(-0.5 * held * held);
}

// Φ(x), from the lower tail Φ(−|x|) by Abramowitz & Stegun 7.1.26 (error of erf at most 1.5e-7): computed as a tail, it
// keeps its relative precision where 1 + erf would cancel.
fn cumulative(x: vec4f, bell: vec4f) -> vec4f {
  let t = 1.0 / (1.0 + 0.3275911 * 0.70710678 * min(abs(x), vec4f(20.0)));
  // the innermost constant is a vector: SwiftShader rounds a vector times a scalar, plus a number, in another way
  let poly = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * vec4f(1.061405429)))));
  let tail = 0.5 * poly * bell;
  return select(tail, 1.0 - tail, x > vec4f());
}

fn activation(x: vec4f) -> vec4f { return x * cumulative(x, bell(x)); }

fn activation_derivative(x: vec4f) -> vec4f {
  let b = bell(x);
  let derivative = cumulative(x, b) + clamp(x, vec4f(-20.0), vec4f(20.0)) * 0.39894228 * b;
  // which clamp and comparisons hide; at infinity the formula has ∞ · 0
  return select(derivative, nan_of(x), is_nan(x) | is_infinite(x));
}
