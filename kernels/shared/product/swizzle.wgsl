// The order in which the tiles of C are walked (threadblock swizzle in CUTLASS, grouped order in Triton): a band of
// rows of tiles at a time, and in it column by column. Workgroups that run at the same time then share rows of op(A)
// and columns of op(B) alike: they cover a square of C, not one long row of it, and find most of what they read in the
// cache.

// What tile_of is asked for to get tile i of this order, when every C is cut into tiles of `height` × `width`, and
// bands are `rows` tiles high.
fn swizzled(i: u32, rows: u32, height: u32, width: u32) -> u32 {
  let across = (params.columns + width - 1u) / width;
  let down = (params.rows + height - 1u) / height;
  let place = i % (across * down);
  let first = place / (rows * across) * rows;
  let held = min(rows, down - first);
  let within = place - first * across;
  return i - place + (first + within % held) * across + within / held;
}
