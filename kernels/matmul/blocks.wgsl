// Operands in blocks of 4 × 4, however they are stored: a transposed operand costs a transposition in registers, nothing else.
// Beyond the tile's part of K a block is 0; beyond the last row or column it repeats the last one, whose sums nobody stores.

const FOUR = vec4u(0u, 1u, 2u, 3u);

// Column i: op(A)[row .. row + 3, k + i].
fn block_of_a(tile: Tile, row: u32, k: u32) -> mat4x4f {
  let rows = min(row + FOUR, vec4u(params.rows - 1u));
  let inside = k + FOUR < vec4u(tile.end);
  let ks = min(k + FOUR, vec4u(tile.end - 1u));
  if (TRANSPOSE_A) {
    return mat4x4f(
      select(vec4f(), four_of_a(tile.a + ks.x * params.rows + rows), inside.x),
      select(vec4f(), four_of_a(tile.a + ks.y * params.rows + rows), inside.y),
      select(vec4f(), four_of_a(tile.a + ks.z * params.rows + rows), inside.z),
      select(vec4f(), four_of_a(tile.a + ks.w * params.rows + rows), inside.w),
    );
  }
  return transpose(mat4x4f(
    select(vec4f(), four_of_a(tile.a + rows.x * params.inner + ks), inside),
    select(vec4f(), four_of_a(tile.a + rows.y * params.inner + ks), inside),
    select(vec4f(), four_of_a(tile.a + rows.z * params.inner + ks), inside),
    select(vec4f(), four_of_a(tile.a + rows.w * params.inner + ks), inside),
  ));
}

// Column i: op(B)[k + i, column .. column + 3].
fn block_of_b(tile: Tile, k: u32, column: u32) -> mat4x4f {
  let columns = min(column + FOUR, vec4u(params.columns - 1u));
  let inside = k + FOUR < vec4u(tile.end);
  let ks = min(k + FOUR, vec4u(tile.end - 1u));
  if (!TRANSPOSE_B) {
    return mat4x4f(
      select(vec4f(), four_of_b(tile.b + ks.x * params.columns + columns), inside.x),
      select(vec4f(), four_of_b(tile.b + ks.y * params.columns + columns), inside.y),
      select(vec4f(), four_of_b(tile.b + ks.z * params.columns + columns), inside.z),
      select(vec4f(), four_of_b(tile.b + ks.w * params.columns + columns), inside.w),
    );
  }
  return transpose(mat4x4f(
    select(vec4f(), four_of_b(tile.b + columns.x * params.inner + ks), inside),
    select(vec4f(), four_of_b(tile.b + columns.y * params.inner + ks), inside),
    select(vec4f(), four_of_b(tile.b + columns.z * params.inner + ks), inside),
    select(vec4f(), four_of_b(tile.b + columns.w * params.inner + ks), inside),
  ));
}
