// Where the pixels of a patch lie. Frames are cut into SIDE × SIDE patches of PATCH × PATCH pixels, row by row; an element k of a
// patch is (channel, row, column), in vectors. PATCH and SIDE are constants, so that no division is left at run time.
// Also what all kernels of this room share: each is a product [rows, depth] · [depth, columns], cut along depth into chunks.

struct Params { rows: u32, columns: u32, depth: u32, chunk: u32, chunks: u32 }

@group(0) @binding(0) var<uniform> params: Params;

const ROW = PATCH / VECTOR;           // vectors across a patch
const FRAME_ROW = SIDE * ROW;       // vectors across a frame
const CHANNEL = PATCH * SIDE * FRAME_ROW;

/// First vector of patch m in [frames, 3, S, S].
fn patch_start(m: u32) -> u32 {
  let frame = m / (SIDE * SIDE);
  let y = m / SIDE % SIDE;
  let x = m % SIDE;
  return frame * 3u * CHANNEL + y * PATCH * FRAME_ROW + x * ROW;
}

/// From there to element k.
fn patch_offset(k: u32) -> u32 {
  let channel = k / (PATCH * ROW);
  let y = k / ROW % PATCH;
  return channel * CHANNEL + y * FRAME_ROW + k % ROW;
}
