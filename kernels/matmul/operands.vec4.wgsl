// Tensors read and written in vectors of four: for rows whose lengths are multiples of 4, so that no vector crosses an edge.
// Same names as operands.scalar.wgsl.

@group(0) @binding(1) var<storage, read> a: array<vec4<elem>>;
@group(0) @binding(2) var<storage, read> b: array<vec4<elem>>;
@group(0) @binding(3) var<storage, read> bias: array<vec4<elem>>;       // [N]; anything unless BIAS
@group(0) @binding(4) var<storage, read> other: array<vec4<elem>>;      // shaped as `y`: residual or derivative; anything unless RESIDUAL or DERIVATIVE
@group(0) @binding(5) var<storage, read_write> y: array<vec4<result>>;  // every C, one after another

fn four_of_a(i: vec4u) -> vec4f { return vec4f(a[i.x / 4u]); }
fn four_of_b(i: vec4u) -> vec4f { return vec4f(b[i.x / 4u]); }
fn four_of_bias(i: vec4u) -> vec4f { return vec4f(bias[i.x / 4u]); }
fn four_of_other(i: vec4u) -> vec4f { return vec4f(other[i.x / 4u]); }

fn store_four(i: u32, count: u32, four: vec4f) { y[i / 4u] = vec4<result>(four); }
