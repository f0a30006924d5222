// a + b. Both gradients are dy itself.
fn value(a: vec4f, b: vec4f) -> vec4f { return a + b; }
