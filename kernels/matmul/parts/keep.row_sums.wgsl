// The sums over the rows of op(A) are kept: when A is dyᵀ, they are the gradient of the bias, and dy is read anyway.
const ROW_SUMS = true;

@group(0) @binding(6) var<storage, read_write> row_sums: array<result>;   // [splits · batch, M]

fn keep(at: vec4u, count: u32, pre: vec4f) {}

fn keep_row_sum(tile: Tile, row: u32, sum: f32) {
  if (tile.exists && tile.column == 0u && row < params.rows) { row_sums[tile.c * params.rows + row] = result(sum); }
}
