// a · b. The gradients are products too, dy · b and a · dy, by the same kernel.
fn value(a: vec4f, b: vec4f) -> vec4f { return a * b; }
