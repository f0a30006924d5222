// Gradient of elementwise.wgsl for one operand, before the sum over its repeats: dx = gradient_b(a, b, dy) if OF_B,
// else gradient_a(a, b, dy). Each operand has a dispatch of its own: mostly one of them wants a gradient, and the two
// may be stored in different ways.
// Linked with a file of binary/ (`gradient_a`, `gradient_b`), and with the same as elementwise.wgsl.
// Constants: OF_B: the gradient is that of b.

struct Params {
  n: u32, tile: u32,                                      // vectors of dx in this range, and those of a workgroup
  a_start: u32, b_start: u32,                             // where the range begins in what is bound
  dy_start: u32, dx_start: u32,
  a_fixed: f32, b_fixed: f32,                             // a if A_FIXED, b if B_FIXED
  e0: u32, e1: u32, e2: u32, e3: u32, e4: u32, e5: u32,   // extents of dy, innermost first
  a0: u32, a1: u32, a2: u32, a3: u32, a4: u32, a5: u32,   // strides of a
  b0: u32, b1: u32, b2: u32, b3: u32, b4: u32, b5: u32    // strides of b
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<vector>;                 // [...], broadcast to dy
@group(0) @binding(2) var<storage, read> b: array<vector>;                 // [...], broadcast to dy
@group(0) @binding(3) var<storage, read> dy: array<vector>;                // [...]
@group(0) @binding(4) var<storage, read_write> dx: array<result_vector>;   // as dy

@compute @workgroup_size(WORKGROUP)
fn elementwise_grad(lanes: Lanes) {
  let tile = tile_of(lanes, params.tile, params.n);
  for (var i = tile.first; i < tile.end; i += WORKGROUP) {
    let d = vec4f(vector32(dy[params.dy_start + i]));
    var gradient: vec4f;
    if (OF_B) { gradient = gradient_b(operand_a(i), operand_b(i), d); }
    else { gradient = gradient_a(operand_a(i), operand_b(i), d); }
    dx[params.dx_start + i] = result_vector(vector_of(gradient));
  }
}
