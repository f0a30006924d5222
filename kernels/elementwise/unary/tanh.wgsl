// tanh x. Linked with ../shared/tanh.wgsl.
fn value(x: vec4f) -> vec4f { return tanh_of_four(x); }
fn gradient(y: vec4f, dy: vec4f) -> vec4f { return dy * ((1.0 - y) * (1.0 + y)); }
