// Where the pixels of a patch lie in frames [F, 3, S, S], which are cut into SIDE × SIDE patches of PATCH × PATCH
// pixels, row by row: element k = (channel, row, column) of patch m at patch_start(m) + patch_offset(k), for four at
// once.
//
// Constants:
// PATCH: pixels along a patch, SIDE: patches along a frame. Because they are constants, no division is left at run
// time.

const FRAME_ROW = SIDE * PATCH;              // pixels
const CHANNEL = FRAME_ROW * FRAME_ROW;

// The first pixel of a patch.
fn patch_start(m: vec4u) -> vec4u {
  let frame = m / (SIDE * SIDE);
  let y = m / SIDE % SIDE;
  let x = m % SIDE;
  return frame * (3u * CHANNEL) + y * (PATCH * FRAME_ROW) + x * PATCH;
}

// From there to its element k.
fn patch_offset(k: vec4u) -> vec4u {
  let channel = k / (PATCH * PATCH);
  let y = k / PATCH % PATCH;
  return channel * CHANNEL + y * FRAME_ROW + k % PATCH;
}
