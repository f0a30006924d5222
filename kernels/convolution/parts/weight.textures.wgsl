// The operands of a weight's gradient in register tiles, from textures: as ../../shared/product/register_tiles.wgsl has
// them. A tile of either has the same texel of four pixels, those of four windows.

// The texel of four channels of dy, or of four columns counted from the start of a window, and the layer of its panel.
fn rows_of_a(_tile: Tile, row: u32) -> vec2u {
  let texel = min(row, params.rows - 4u) / 4u;
  return vec2u(texel % 8u, texel / 8u * params.a_layers);
}
fn columns_of_b(_tile: Tile, column: u32) -> vec2u {
  let at = taps_of(vec4u(min(column, params.columns - 4u)));
  let texel = at.channel.x / 4u;
  return vec2u(at.pixel.x * params.b_texels + texel % 8u, texel / 8u * params.b_layers);
}

// Column i: op(A)[four rows, k + i].
fn register_tile_a(_tile: Tile, rows: vec2u, k: u32) -> mat4x4f {
  let w = k + FOUR;
  let pixels = select(vec4u(params.a_end), pixels_of(w), w < vec4u(params.inner));
  return texels_at(a, pixels * params.a_texels + rows.x, rows.y);
}

// Column i: op(B)[k + i, four columns].
fn register_tile_b(_tile: Tile, k: u32, columns: vec2u) -> mat4x4f {
  let w = k + FOUR;
  let start = select(vec4u(params.b_end), windows_of(w), w < vec4u(params.inner));
  return texels_at(b, start * params.b_texels + columns.x, columns.y);
}
