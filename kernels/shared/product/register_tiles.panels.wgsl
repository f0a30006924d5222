// Operands in register tiles, as in register_tiles.wgsl, but from panels: matrices that pack_panels.wgsl laid into
// textures. For software adapters, where a load from a storage buffer takes more than twice the time of one from a
// storage texture: of a buffer each lane checks its own bounds, and jumps. A panel is 32 columns of a matrix, a layer
// of the texture, 8 texels wide, each with four neighbours of a row. One layout serves operands that are read along and
// across. Beyond the last row or column of C lie numbers of nobody, whose sums nobody stores; beyond K lie zeros.

@group(0) @binding(1) var a: texture_storage_2d_array<rgba32float, read>;
@group(0) @binding(2) var b: texture_storage_2d_array<rgba32float, read>;

// The texel of a row that holds `column` and the three behind it, and the panel that it lies in.
fn texel_of(column: u32) -> vec2u { return vec2u(column % 32u / 4u, column / 32u); }

// Where four rows of op(A) lie, and four columns of op(B): a place along the rows of the matrix, or across.
fn rows_of_a(_tile: Tile, row: u32) -> vec2u { return select(vec2u(row, 0u), texel_of(row), TRANSPOSE_A); }
fn columns_of_b(_tile: Tile, column: u32) -> vec2u {
  return select(texel_of(column), vec2u(column, 0u), TRANSPOSE_B);
}

// Column i: op(A)[four rows, k + i].
fn register_tile_a(_tile: Tile, rows: vec2u, k: u32) -> mat4x4f {
  if (TRANSPOSE_A) {
    return mat4x4f(
      textureLoad(a, vec2u(rows.x, k), rows.y), textureLoad(a, vec2u(rows.x, k + 1u), rows.y),
      textureLoad(a, vec2u(rows.x, k + 2u), rows.y), textureLoad(a, vec2u(rows.x, k + 3u), rows.y),
    );
  }
  let at = texel_of(k);
  return transpose(mat4x4f(
    textureLoad(a, vec2u(at.x, rows.x), at.y), textureLoad(a, vec2u(at.x, rows.x + 1u), at.y),
    textureLoad(a, vec2u(at.x, rows.x + 2u), at.y), textureLoad(a, vec2u(at.x, rows.x + 3u), at.y),
  ));
}

// Column i: op(B)[k + i, four columns].
fn register_tile_b(_tile: Tile, k: u32, columns: vec2u) -> mat4x4f {
  if (!TRANSPOSE_B) {
    return mat4x4f(
      textureLoad(b, vec2u(columns.x, k), columns.y), textureLoad(b, vec2u(columns.x, k + 1u), columns.y),
      textureLoad(b, vec2u(columns.x, k + 2u), columns.y), textureLoad(b, vec2u(columns.x, k + 3u), columns.y),
    );
  }
  let at = texel_of(k);
  return transpose(mat4x4f(
    textureLoad(b, vec2u(at.x, columns.x), at.y), textureLoad(b, vec2u(at.x, columns.x + 1u), at.y),
    textureLoad(b, vec2u(at.x, columns.x + 2u), at.y), textureLoad(b, vec2u(at.x, columns.x + 3u), at.y),
  ));
}
