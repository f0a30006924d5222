// Which token a row of merged patches has: patches of two by two come one behind another, and of each the tokens at
// (0, 0), (1, 0), (0, 1) and (1, 1), height before width, so that they lie as one token of four times the channels. A
// picture of odd height or width is thought of as filled up with zeros. Liu et al. 2021, arXiv:2103.14030, section 3.1.

struct Params {
  rows: u32, channels: u32,             // four times the patches, and vectors of a token
  row_origin: u32, token_origin: u32,   // where both begin in what is bound, in vectors
  height: u32, width: u32,              // tokens of a picture
}

@group(0) @binding(0) var<uniform> params: Params;

fn token_of(row: u32) -> u32 {
  let patches = (vec2u(params.height, params.width) + 1u) / 2u;
  let square = row / 4u;
  let line = square / patches.y;
  let picture = line / patches.x;
  let h = line % patches.x * 2u + row % 2u;
  let w = square % patches.y * 2u + row % 4u / 2u;
  if (h >= params.height || w >= params.width) { return NO_TOKEN; }
  return (picture * params.height + h) * params.width + w;
}
