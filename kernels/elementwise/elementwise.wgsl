// y = value(a, b), element by element, NumPy's broadcasting: an operand that is repeated along an axis has stride 0
// there. One of them may be a number that the program fixes. Axes are merged beforehand, so equal shapes arrive as one
// axis and cost no division.
// Linked with a file of binary/ (`value`), parts/operands.wgsl (`operand_a`, `operand_b`), strided.wgsl,
// engine/flat.wgsl and a vector.

struct Params {
  n: u32, tile: u32,                                      // vectors of y in this range, and those of a workgroup
  a_start: u32, b_start: u32, y_start: u32,               // where the range begins in what is bound
  a_fixed: f32, b_fixed: f32,                             // a if A_FIXED, b if B_FIXED
  e0: u32, e1: u32, e2: u32, e3: u32, e4: u32, e5: u32,   // extents of y, innermost first
  a0: u32, a1: u32, a2: u32, a3: u32, a4: u32, a5: u32,   // strides of a
  b0: u32, b1: u32, b2: u32, b3: u32, b4: u32, b5: u32    // strides of b
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<vector>;                // [...], broadcast to y
@group(0) @binding(2) var<storage, read> b: array<vector>;                // [...], broadcast to y
@group(0) @binding(3) var<storage, read_write> y: array<result_vector>;   // [...]

@compute @workgroup_size(WORKGROUP)
fn elementwise(lanes: Lanes) {
  let tile = tile_of(lanes, params.tile, params.n);
  for (var i = tile.first; i < tile.end; i += WORKGROUP) {
    y[params.y_start + i] = result_vector(vector_of(value(operand_a(i), operand_b(i))));
  }
}
