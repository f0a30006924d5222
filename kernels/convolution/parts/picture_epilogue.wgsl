// The epilogue of a convolution, in the order of ResNet: y = relu(sum + bias + residual).
// Linked with ../shared/special.wgsl. Same functions as matmul/parts/epilogue.wgsl, which adds the residual behind the
// activation.
//
// Constants:
// BIAS, RESIDUAL, RELU: which of them there are
const ROW_SUMS = false;

@group(0) @binding(4) var<storage, read> bias: array<vector>;       // [N]; anything unless BIAS
@group(0) @binding(5) var<storage, read> residual: array<vector>;   // shaped as `y`; anything unless RESIDUAL

// Takes the sums of `width` columns from `column` on, at most 4; stores those that exist.
fn epilogue(tile: Tile, row: u32, column: u32, width: u32, sums: vec4f) {
  if (!tile.exists || row >= params.rows || column >= params.columns) { return; }
  let count = min(width, params.columns - column);
  let columns = column + min(FOUR, vec4u(count - 1u));
  let at = row_in_y(vec4u(row)) + column_in_y(columns);
  var four = sums;
  if (BIAS) {
    let i = columns / VECTOR;
    four += vec4f(four_in_row(bias[i.x], bias[i.y], bias[i.z], bias[i.w]));
  }
  if (RESIDUAL) {
    let i = at / VECTOR;
    four += vec4f(four_in_row(residual[i.x], residual[i.y], residual[i.z], residual[i.w]));
  }
  if (RELU) { four = select(four, vec4f(), is_negative(four)); }
  store_four(at, count, four);
}

fn keep_row_sum(tile: Tile, row: u32, sum: f32) {}
