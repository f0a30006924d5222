// The order in which tiles of C are computed: in bands of 8 rows of tiles, and in a band column by column. Tiles at work at the same time then
// share rows of op(A) and columns of op(B) alike, a square of C and not a strip, and find most of what they read in the cache.
const BAND = 8u;

// What tile_of is to be asked for to get tile i of this order, when every C is cut into tiles of `height` × `width`.
fn in_bands(i: u32, height: u32, width: u32) -> u32 {
  let across = (params.columns + width - 1u) / width;
  let down = (params.rows + height - 1u) / height;
  let place = i % (across * down);
  let band = place / (BAND * across);
  let rows = min(BAND, down - band * BAND);
  let within = place - band * BAND * across;
  return i - place + (band * BAND + within % rows) * across + within / rows;
}
