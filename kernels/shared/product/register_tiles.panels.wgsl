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

// Four neighbours of each row of panels that k to k + 3 number, at one texel: a column each.
fn across(panels: texture_storage_2d_array<rgba32float, read>, texel: vec2u, k: u32) -> mat4x4f {
  return mat4x4f(
    textureLoad(panels, vec2u(texel.x, k), texel.y), textureLoad(panels, vec2u(texel.x, k + 1u), texel.y),
    textureLoad(panels, vec2u(texel.x, k + 2u), texel.y), textureLoad(panels, vec2u(texel.x, k + 3u), texel.y),
  );
}

// The neighbours k to k + 3 of four rows: a column each, too.
fn along(panels: texture_storage_2d_array<rgba32float, read>, row: u32, k: u32) -> mat4x4f {
  return transpose(across(panels, texel_of(k), row));
}

// Column i: op(A)[four rows, k + i].
fn register_tile_a(_tile: Tile, rows: vec2u, k: u32) -> mat4x4f {
  if (TRANSPOSE_A) { return across(a, rows, k); }
  return along(a, rows.x, k);
}

// Column i: op(B)[k + i, four columns].
fn register_tile_b(_tile: Tile, k: u32, columns: vec2u) -> mat4x4f {
  if (TRANSPOSE_B) { return along(b, columns.x, k); }
  return across(b, columns, k);
}
