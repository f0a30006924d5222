// The epilogue on the way back through an activation. The sums are the gradient of what came out of it; what went into
// it, `pre`, was kept, and lies where the gradient of it goes: nobody needs it after this.
//   y = sum · activation′(pre),  hidden = activation(pre), once more, for the gradient of the weight behind it
// Linked with one of ../../shared/activation/*.wgsl. Same functions as epilogue.wgsl.
const ROW_SUMS = false;

@group(0) @binding(4) var<storage, read_write> hidden: array<vector>;   // shaped as `y`

fn epilogue(tile: Tile, row: u32, column: u32, width: u32, sums: vec4f) {
  if (!tile.exists || row >= params.rows || column >= params.columns) { return; }
  let count = min(width, params.columns - column);
  let columns = column + min(FOUR, vec4u(count - 1u));
  let at = tile.c * params.rows * params.columns + row_in_y(vec4u(row)) + column_in_y(columns);
  let i = at / VECTOR;
  let pre = vec4f(four_in_row(vector(y[i.x]), vector(y[i.y]), vector(y[i.z]), vector(y[i.w])));
  store_four(at, count, sums * activation_derivative(pre));
  let again = activation(pre);
  for (var j = 0u; j < count; j += VECTOR) { hidden[at[j] / VECTOR] = vector(vector_at(again, j)); }
}

fn keep_row_sum(tile: Tile, row: u32, sum: f32) {}
