// As stored.scalar.wgsl, in vectors of four.
fn stored_a(i: vec4u) -> vec4<elem> { return a[i.x / 4u]; }
fn stored_b(i: vec4u) -> vec4<elem> { return b[i.x / 4u]; }
