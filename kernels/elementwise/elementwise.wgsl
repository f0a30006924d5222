// y = value(a, b), element by element, NumPy's broadcasting: an operand that is repeated along an axis has stride 0 there. One of them may
// be a number that the program fixes. Axes are merged beforehand, so equal shapes arrive as one axis and cost no division.
// Linked with a file of binary/ (`value`), operands.wgsl, strided.wgsl, engine/flat.wgsl and a vector.

struct Params {
  n: u32, tile: u32,
  a_start: u32, b_start: u32, y_start: u32,               // where this part of the work begins in what is bound
  a_fixed: f32, b_fixed: f32,                             // a if A_FIXED, b if B_FIXED
  e0: u32, e1: u32, e2: u32, e3: u32, e4: u32, e5: u32,   // extents of y, innermost first
  a0: u32, a1: u32, a2: u32, a3: u32, a4: u32, a5: u32,   // strides of a
  b0: u32, b1: u32, b2: u32, b3: u32, b4: u32, b5: u32    // strides of b
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<vector>;
@group(0) @binding(2) var<storage, read> b: array<vector>;
@group(0) @binding(3) var<storage, read_write> y: array<result_vector>;   // n vectors

@compute @workgroup_size(WORKGROUP)
fn elementwise(lanes: Lanes) {
  let tile = tile_of(lanes, params.tile, params.n);
  let extents = array(params.e0, params.e1, params.e2, params.e3, params.e4, params.e5);
  let a_strides = array(params.a0, params.a1, params.a2, params.a3, params.a4, params.a5);
  let b_strides = array(params.b0, params.b1, params.b2, params.b3, params.b4, params.b5);
  for (var i = tile.first; i < tile.end; i += WORKGROUP) {
    let left = operand_a(params.a_start + strided_offset(i, RANK, extents, a_strides));
    let right = operand_b(params.b_start + strided_offset(i, RANK, extents, b_strides));
    y[params.y_start + i] = result_vector(vector_of(value(left, right)));
  }
}
