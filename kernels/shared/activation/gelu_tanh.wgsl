// GELU, tanh form: y = x/2 · (1 + tanh(√(2/π) (x + 0.044715 x³))). Hendrycks & Gimpel 2016, arXiv:1606.08415, section
// 2. Linked with ../special.wgsl.

// tanh v = (e²ᵛ − 1)/(e²ᵛ + 1), held at ±10, where tanh is ±1 to the last bit of f32: the built-in tanh(89) is NaN on
// some adapters, and near 0 the built-in may lose all relative precision.
fn tanh_held(v: vec4f) -> vec4f {
  let e = exp(2.0 * clamp(v, vec4f(-10.0), vec4f(10.0)));
  return (e - 1.0) / (e + 1.0);
}

fn inner(x: vec4f) -> vec4f { return 0.7978845608 * (x + 0.044715 * x * x * x); }

fn activation(x: vec4f) -> vec4f { return 0.5 * x * (1.0 + tanh_held(inner(x))); }

fn activation_derivative(x: vec4f) -> vec4f {
  // beyond, the derivative is 0 or 1 and x² times 0 must not become ∞ · 0
  let held = clamp(x, vec4f(-30.0), vec4f(30.0));
  let t = tanh_held(inner(held));
  let derivative = 0.5 * (1.0 + t) + 0.5 * held * (1.0 - t * t) * 0.7978845608 * (1.0 + 0.134145 * held * held);
  // which clamp hides; at infinity the formula has ∞ · 0
  return select(derivative, nan_of(x), is_nan(x) | is_infinite(x));
}
