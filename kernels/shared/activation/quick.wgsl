// QuickGELU: y = x · σ(1.702 x). Hendrycks & Gimpel 2016, arXiv:1606.08415, section 2 (sigmoid form); used by CLIP. Linked with exp.wgsl.

// exp(88.7) is the largest finite f32, so the argument is held there: adapters disagree on what comes after
fn sigmoid(v: f32) -> f32 { return 1.0 / (1.0 + exp_of(min(-v, 88.0))); }

fn activation(x: f32) -> f32 { return x * sigmoid(1.702 * x); }

fn activation_derivative(x: f32) -> f32 {
  let s = sigmoid(1.702 * x);
  return s + 1.702 * x * s * (1.0 - s);
}
