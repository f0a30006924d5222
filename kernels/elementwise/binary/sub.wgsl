// a − b. The gradients are dy itself and −1 · dy.
fn value(a: vec4f, b: vec4f) -> vec4f { return a - b; }
