// QuickGELU: y = x · σ(1.702 x). Hendrycks & Gimpel 2016, arXiv:1606.08415, section 2 (sigmoid form); used by CLIP.
// Linked with ../exp.wgsl.

// exp(88.7) is nearly the largest f32, so the argument is held at 88: adapters disagree on what comes after.
fn sigmoid(v: vec4f) -> vec4f { return 1.0 / (1.0 + exp_of_four(min(-v, vec4f(88.0)))); }

fn activation(x: vec4f) -> vec4f { return x * sigmoid(1.702 * x); }

fn activation_derivative(x: vec4f) -> vec4f {
  let s = sigmoid(1.702 * x);
  return s + 1.702 * x * s * (1.0 - s);
}
