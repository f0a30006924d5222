// σ(x) = 1 / (1 + e⁻ˣ). Linked with ../shared/sigmoid.wgsl.
fn value(x: vec4f) -> vec4f { return sigmoid_of_four(x); }
fn gradient(y: vec4f, dy: vec4f) -> vec4f { return dy * (y * (1.0 - y)); }
