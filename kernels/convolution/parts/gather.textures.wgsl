// The operands of a convolution in register tiles, from textures: as ../../shared/product/register_tiles.wgsl has them.
// The weight is a picture for each channel of y, whose pixels are its taps.

// Pixels where four windows begin; and where the weights of four channels of y do, or, for dx, a texel of its channels.
fn rows_of_a(_tile: Tile, row: u32) -> vec4u { return windows_of(min(row + FOUR, vec4u(params.rows - 1u))); }
fn columns_of_b(_tile: Tile, column: u32) -> vec4u {
  if (TRANSPOSE_B) { return min(column + FOUR, vec4u(params.columns - 1u)) * params.taps; }
  return vec4u(texel(min(column, params.columns - 4u) / 4u), 0u, 0u);
}

// The tap that k lies in, found anew only where another one begins.
struct Tap { first: u32, end: u32, pixel: u32, weight: u32 }
var<private> tap: Tap;
fn find_tap(k: u32) {
  if (k >= tap.first && k < tap.end) { return; }
  let at = taps_of(vec4u(k));
  tap = Tap(k - at.channel.x, k - at.channel.x + params.channels, at.pixel.x, at.weight.x);
}

// Column i: op(A)[four rows, k + i].
fn register_tile_a(_tile: Tile, rows: vec4u, k: u32) -> mat4x4f {
  find_tap(k);
  return transpose(texels_of_a(rows + tap.pixel, texel((k - tap.first) / 4u)));
}

// Column i: op(B)[k + i, four columns].
fn register_tile_b(_tile: Tile, k: u32, columns: vec4u) -> mat4x4f {
  find_tap(k);
  let channel = k - tap.first;
  if (TRANSPOSE_B) { return transpose(texels_of_b(columns + tap.weight, texel(channel / 4u))); }
  return texels_of_b((channel + FOUR) * params.taps + tap.weight, columns.xy);
}
