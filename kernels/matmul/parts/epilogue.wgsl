// The epilogue: what happens to neighbouring sums of a row before they leave the registers.
//   y = activation(sum + bias) + residual
// Linked with one of ../../shared/activation/*.wgsl or identity.wgsl, and with one of keep.*.wgsl.
//
// Constants:
// BIAS, RESIDUAL: which of them there are

@group(0) @binding(4) var<storage, read> bias: array<vector>;       // [N]; anything unless BIAS
@group(0) @binding(5) var<storage, read> residual: array<vector>;   // shaped as `y`; anything unless RESIDUAL

// Takes the sums of `width` columns from `column` on, at most 4; stores those that exist. FOUR and `store_four` are of
// operands.wgsl, `row_in_y` and `column_in_y` of place_in_y.wgsl: where elements lie.
fn epilogue(tile: Tile, row: u32, column: u32, width: u32, sums: vec4f) {
  if (!tile.exists || row >= params.rows || column >= params.columns) { return; }
  let count = min(width, params.columns - column);
  let columns = column + min(FOUR, vec4u(count - 1u));
  let at = tile.c * params.rows * params.columns + row_in_y(vec4u(row)) + column_in_y(columns);
  var pre = sums;
  if (BIAS) { pre += four_of_bias(columns); }
  keep(at, count, pre);
  var four = activation(pre);
  if (RESIDUAL) { four += four_of_residual(at); }
  store_four(at, count, four);
}

fn four_of_bias(at: vec4u) -> vec4f {
  let i = at / VECTOR;
  return vec4f(four_in_row(bias[i.x], bias[i.y], bias[i.z], bias[i.w]));
}
fn four_of_residual(at: vec4u) -> vec4f {
  let i = at / VECTOR;
  return vec4f(four_in_row(residual[i.x], residual[i.y], residual[i.z], residual[i.w]));
}
