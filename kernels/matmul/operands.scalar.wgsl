// Tensors read and written element by element: for rows of any length. Same names as operands.vec4.wgsl,
// and `one_of_*` for the naive rung.
// Four elements are named by four indices; they are neighbours, or repeat the last one at an edge.

@group(0) @binding(1) var<storage, read> a: array<elem>;
@group(0) @binding(2) var<storage, read> b: array<elem>;
@group(0) @binding(3) var<storage, read> bias: array<elem>;       // [N]; anything unless BIAS
@group(0) @binding(4) var<storage, read> other: array<elem>;      // shaped as `y`: residual or derivative; anything unless RESIDUAL or DERIVATIVE
@group(0) @binding(5) var<storage, read_write> y: array<result>;  // every C, one after another

fn one_of_a(i: u32) -> f32 { return f32(a[i]); }
fn one_of_b(i: u32) -> f32 { return f32(b[i]); }

fn four_of_a(i: vec4u) -> vec4f { return vec4f(one_of_a(i.x), one_of_a(i.y), one_of_a(i.z), one_of_a(i.w)); }
fn four_of_b(i: vec4u) -> vec4f { return vec4f(one_of_b(i.x), one_of_b(i.y), one_of_b(i.z), one_of_b(i.w)); }
fn four_of_bias(i: vec4u) -> vec4f { return vec4f(f32(bias[i.x]), f32(bias[i.y]), f32(bias[i.z]), f32(bias[i.w])); }
fn four_of_other(i: vec4u) -> vec4f { return vec4f(f32(other[i.x]), f32(other[i.y]), f32(other[i.z]), f32(other[i.w])); }

// y[i], y[i + 1], …, `count` of them, at most 4.
fn store_four(i: u32, count: u32, four: vec4f) {
  for (var j = 0u; j < count; j++) { y[i + j] = result(four[j]); }
}
