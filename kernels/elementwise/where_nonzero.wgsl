// y = a where the condition is not 0, else b, element by element, NumPy's broadcasting over all three. Its gradients
// are the same with dy in place of one operand and 0 in place of the other. NaN is not 0, and is found by its bits. a,
// b or both may be numbers that the program fixes.
// Linked with parts/operands.wgsl (`operand_a`, `operand_b`), strided.wgsl, special.wgsl, engine/flat.wgsl and a
// vector.

struct Params {
  n: u32, tile: u32,                                                // vectors of y here, and those of a workgroup
  condition_start: u32, a_start: u32, b_start: u32, y_start: u32,   // where the range begins in what is bound
  a_fixed: f32, b_fixed: f32,                                       // a if A_FIXED, b if B_FIXED
  e0: u32, e1: u32, e2: u32, e3: u32, e4: u32, e5: u32,             // extents of y, innermost first
  condition0: u32, condition1: u32, condition2: u32, condition3: u32, condition4: u32, condition5: u32,   // strides
  a0: u32, a1: u32, a2: u32, a3: u32, a4: u32, a5: u32,
  b0: u32, b1: u32, b2: u32, b3: u32, b4: u32, b5: u32
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> condition: array<vector>;        // [...], broadcast to y
@group(0) @binding(2) var<storage, read> a: array<vector>;                // [...], broadcast to y
@group(0) @binding(3) var<storage, read> b: array<vector>;                // [...], broadcast to y
@group(0) @binding(4) var<storage, read_write> y: array<result_vector>;   // [...]

@compute @workgroup_size(WORKGROUP)
fn where_nonzero(lanes: Lanes) {
  let tile = tile_of(lanes, params.tile, params.n);
  let strides = array(
    params.condition0, params.condition1, params.condition2, params.condition3, params.condition4, params.condition5
  );
  for (var i = tile.first; i < tile.end; i += WORKGROUP) {
    let at = params.condition_start + strided_offset(i, RANK, extents(), strides);
    let is_other = is_zero(vec4f(vector32(condition[at])));
    y[params.y_start + i] = result_vector(vector_of(select(operand_a(i), operand_b(i), is_other)));
  }
}
