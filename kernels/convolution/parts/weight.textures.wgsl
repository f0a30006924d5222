// The operands of a weight's gradient in register tiles, from textures: as ../../shared/product/register_tiles.wgsl has
// them. A tile of either has the same texel of four pixels, those of four windows. To find all of them takes as long as
// a third of the products, so each lane finds one of the four and shows it to the others; and it finds that of the next
// step, whose loads then need not wait for it.

// Four channels of dy, or of the picture and a tap: their texel, the pixels from the start of a window, and which of
// four windows the lane finds.
struct Texel { own: vec2u, pixel: u32, window: u32 }

// The pixel of the lane's window of the step that comes.
var<private> next_a: u32;
var<private> next_b: u32;

fn find_a(w: u32) { next_a = select(params.a_end, pixels_of(vec4u(w)).x, w < params.inner); }
fn find_b(w: u32) { next_b = select(params.b_end, windows_of(vec4u(w)).x, w < params.inner); }

fn rows_of_a(tile: Tile, row: u32) -> Texel {
  let window = (row - tile.row) / 4u % 4u;
  find_a(tile.first + window);
  return Texel(texel(min(row, params.rows - 4u) / 4u), 0u, window);
}
fn columns_of_b(tile: Tile, column: u32) -> Texel {
  let window = (column - tile.column) / 4u % 4u;
  find_b(tile.first + window);
  let at = taps_of(vec4u(min(column, params.columns - 4u)));
  return Texel(texel(at.channel.x / 4u), at.pixel.x, window);
}

// Column i: op(A)[four rows, k + i]. Steps come one after another, from the tile's first k on.
fn register_tile_a(_tile: Tile, rows: Texel, k: u32) -> mat4x4f {
  let pixels = of_four(next_a);
  find_a(k + 4u + rows.window);
  return texels_of_a(pixels, rows.own);
}

// Column i: op(B)[k + i, four columns].
fn register_tile_b(_tile: Tile, k: u32, columns: Texel) -> mat4x4f {
  let start = of_four(next_b);
  find_b(k + 4u + columns.window);
  return texels_of_b(start + columns.pixel, columns.own);
}

// What the lanes of four windows have found.
fn of_four(own: u32) -> vec4u {
  return vec4u(
    subgroupShuffle(own, 0u), subgroupShuffle(own, 1u), subgroupShuffle(own, 2u), subgroupShuffle(own, 3u),
  );
}
