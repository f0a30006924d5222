// a / b. Nothing is added for b = 0: 1/0 = ∞, 0/0 = NaN.
fn value(a: vec4f, b: vec4f) -> vec4f { return a / b; }
fn gradient_a(a: vec4f, b: vec4f, dy: vec4f) -> vec4f { return dy / b; }
fn gradient_b(a: vec4f, b: vec4f, dy: vec4f) -> vec4f { return -dy * ((a / b) / b); }
