// The operands of a product where their rows are made of vectors and those of C are not: one load serves four elements,
// and results are stored one by one (vector/scalar.wgsl). Same functions as operands.wgsl.

@group(0) @binding(1) var<storage, read> a: array<vec4<elem>>;
@group(0) @binding(2) var<storage, read> b: array<vec4<elem>>;

fn stored_a(at: vec4u) -> vec4<elem> { return a[at.x / 4u]; }
fn stored_b(at: vec4u) -> vec4<elem> { return b[at.x / 4u]; }

fn four_of_a(at: vec4u) -> vec4f { return vec4f(stored_a(at)); }
fn four_of_b(at: vec4u) -> vec4f { return vec4f(stored_b(at)); }
