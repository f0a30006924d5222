// The epilogue of a product of which nothing else is wanted: its sums are stored. Same functions as
// matmul/parts/epilogue.wgsl.
const ROW_SUMS = false;

// Takes the sums of `width` columns from `column` on, at most 4; stores those that exist.
fn epilogue(tile: Tile, row: u32, column: u32, width: u32, sums: vec4f) {
  if (!tile.exists || row >= params.rows || column >= params.columns) { return; }
  let count = min(width, params.columns - column);
  let columns = column + min(FOUR, vec4u(count - 1u));
  store_four(tile.c * params.rows * params.columns + row_in_y(vec4u(row)) + column_in_y(columns), count, sums);
}

fn keep_row_sum(tile: Tile, row: u32, sum: f32) {}
