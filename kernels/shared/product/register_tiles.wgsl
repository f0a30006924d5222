// Operands in register tiles: 4 × 4 elements that a lane holds in its registers, a mat4x4f. However an operand is
// stored, tiles look alike: a transposed one costs a transposition in registers, nothing else. Beyond the tile's split
// of K a register tile is 0; beyond the last row or column it repeats the last one, whose sums nobody stores. Where
// rows and columns lie is asked for once, ahead of a loop over k.

// Where four rows of op(A) lie, and four columns of op(B).
fn rows_of_a(tile: Tile, row: u32) -> vec4u { return tile.a + row_in_a(min(row + FOUR, vec4u(params.rows - 1u))); }
fn columns_of_b(tile: Tile, column: u32) -> vec4u {
  return tile.b + column_in_b(min(column + FOUR, vec4u(params.columns - 1u)));
}

// Column i: op(A)[four rows, k + i].
fn register_tile_a(tile: Tile, rows: vec4u, k: u32) -> mat4x4f {
  let inside = k + FOUR < vec4u(tile.end);
  let ks = inner_in_a(min(k + FOUR, vec4u(tile.end - 1u)));
  if (TRANSPOSE_A) {
    return mat4x4f(
      select(vec4f(), four_of_a(ks.x + rows), inside.x),
      select(vec4f(), four_of_a(ks.y + rows), inside.y),
      select(vec4f(), four_of_a(ks.z + rows), inside.z),
      select(vec4f(), four_of_a(ks.w + rows), inside.w),
    );
  }
  return transpose(mat4x4f(
    select(vec4f(), four_of_a(rows.x + ks), inside),
    select(vec4f(), four_of_a(rows.y + ks), inside),
    select(vec4f(), four_of_a(rows.z + ks), inside),
    select(vec4f(), four_of_a(rows.w + ks), inside),
  ));
}

// Column i: op(B)[k + i, four columns].
fn register_tile_b(tile: Tile, k: u32, columns: vec4u) -> mat4x4f {
  let inside = k + FOUR < vec4u(tile.end);
  let ks = inner_in_b(min(k + FOUR, vec4u(tile.end - 1u)));
  if (!TRANSPOSE_B) {
    return mat4x4f(
      select(vec4f(), four_of_b(ks.x + columns), inside.x),
      select(vec4f(), four_of_b(ks.y + columns), inside.y),
      select(vec4f(), four_of_b(ks.z + columns), inside.z),
      select(vec4f(), four_of_b(ks.w + columns), inside.w),
    );
  }
  return transpose(mat4x4f(
    select(vec4f(), four_of_b(columns.x + ks), inside),
    select(vec4f(), four_of_b(columns.y + ks), inside),
    select(vec4f(), four_of_b(columns.z + ks), inside),
    select(vec4f(), four_of_b(columns.w + ks), inside),
  ));
}
