// The order in which the tiles of C are walked (threadblock swizzle in CUTLASS, grouped order in Triton): 8 rows of
// tiles at a time, and in them column by column. Workgroups that run at the same time then share rows of op(A) and
// columns of op(B) alike: they cover a square of C, not one long row of it, and find most of what they read in the
// cache.

const SWIZZLE_ROWS = 8u;   // of tiles

// What tile_of is asked for to get tile i of this order, when every C is cut into tiles of `height` × `width`.
fn swizzled(i: u32, height: u32, width: u32) -> u32 {
  let across = (params.columns + width - 1u) / width;
  let down = (params.rows + height - 1u) / height;
  let place = i % (across * down);
  let first = place / (SWIZZLE_ROWS * across) * SWIZZLE_ROWS;
  let rows = min(SWIZZLE_ROWS, down - first);
  let within = place - first * across;
  return i - place + (first + within % rows) * across + within / rows;
}
