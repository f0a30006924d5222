// x · σ(x); −∞ · 0 = NaN. Hendrycks & Gimpel 2016, arXiv:1606.08415. 1 − σ(x) is σ(−x). Linked with
// ../shared/sigmoid.wgsl.
fn value(x: vec4f) -> vec4f { return x * sigmoid_of_four(x); }
fn gradient(x: vec4f, dy: vec4f) -> vec4f { return dy * (sigmoid_of_four(x) * (1.0 + x * sigmoid_of_four(-x))); }
