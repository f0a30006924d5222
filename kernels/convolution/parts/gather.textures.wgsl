// The operands of a convolution in register tiles, from textures: as ../../shared/product/register_tiles.wgsl has them.

// Texels where four windows begin, and four channels of y in the weight; or, for dx, a texel of its channels, and the
// layer.
fn rows_of_a(_tile: Tile, row: u32) -> vec4u {
  return windows_of(min(row + FOUR, vec4u(params.rows - 1u))) * params.a_texels;
}
fn columns_of_b(_tile: Tile, column: u32) -> vec4u {
  if (TRANSPOSE_B) { return min(column + FOUR, vec4u(params.columns - 1u)) * params.taps * params.b_texels; }
  let texel = min(column, params.columns - 4u) / 4u;
  return vec4u(texel % 8u, texel / 8u * params.b_layers, 0u, 0u);
}

// Column i: op(A)[four rows, k + i].
fn register_tile_a(_tile: Tile, rows: vec4u, k: u32) -> mat4x4f {
  let at = taps_of(vec4u(k));
  let texel = at.channel.x / 4u;
  return transpose(texels_at(a, rows + at.pixel.x * params.a_texels + texel % 8u, texel / 8u * params.a_layers));
}

// Column i: op(B)[k + i, four columns].
fn register_tile_b(_tile: Tile, k: u32, columns: vec4u) -> mat4x4f {
  let at = taps_of(vec4u(k));
  if (TRANSPOSE_B) {
    let texel = at.channel.x / 4u;
    let tap = at.weight.x * params.b_texels + texel % 8u;
    return transpose(texels_at(b, columns + tap, texel / 8u * params.b_layers));
  }
  let weights = (at.channel.x + FOUR) * params.taps + at.weight.x;
  return texels_at(b, weights * params.b_texels + columns.x, columns.y);
}
