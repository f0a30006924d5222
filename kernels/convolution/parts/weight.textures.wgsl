// The operands of a weight's gradient in register tiles, from textures: as ../../shared/product/register_tiles.wgsl has
// them. A tile of either has the same texel of four pixels, those of four windows. To find them all takes a tenth of
// the time of the products, so each lane finds one of the four, and shows it to the others.

// Four channels of dy, or of the picture and a tap: their texel, the pixels from the start of a window, and which of
// four windows the lane is to find.
struct Texel { own: u32, pixel: u32, window: u32 }

fn rows_of_a(tile: Tile, row: u32) -> Texel {
  return Texel(min(row, params.rows - 4u) / 4u, 0u, (row - tile.row) / 4u % 4u);
}
fn columns_of_b(tile: Tile, column: u32) -> Texel {
  let at = taps_of(vec4u(min(column, params.columns - 4u)));
  return Texel(at.channel.x / 4u, at.pixel.x, (column - tile.column) / 4u % 4u);
}

// Column i: op(A)[four rows, k + i].
fn register_tile_a(_tile: Tile, rows: Texel, k: u32) -> mat4x4f {
  let w = k + rows.window;
  return texels_of_a(of_four(select(params.a_end, pixels_of(vec4u(w)).x, w < params.inner)), rows.own);
}

// Column i: op(B)[k + i, four columns].
fn register_tile_b(_tile: Tile, k: u32, columns: Texel) -> mat4x4f {
  let w = k + columns.window;
  let start = of_four(select(params.b_end, windows_of(vec4u(w)).x, w < params.inner));
  return texels_of_b(start + columns.pixel, columns.own);
}

// What the lanes of four windows have found.
fn of_four(own: u32) -> vec4u {
  return vec4u(
    subgroupShuffle(own, 0u), subgroupShuffle(own, 1u), subgroupShuffle(own, 2u), subgroupShuffle(own, 3u),
  );
}
