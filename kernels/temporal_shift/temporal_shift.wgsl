// Temporal shift: of each pixel's channels the first FOLD are those of the next frame, as many behind them those of the
// frame before, and all others its own. What lies before the first frame of a clip or behind its last is 0. Lin, Gan,
// Han 2019, arXiv:1811.08383, section 3. The gradient is the same, turned round: next and before change places.
// Linked with engine/flat.wgsl and a vector.

struct Params {
  n: u32, tile: u32,              // vectors of this range, and those of a workgroup
  channels: u32, fold: u32,       // of a pixel, and of each of the two shifts, in vectors
  frame: u32, frames: u32,        // vectors of a frame, and frames of a clip
  turned: u32,                    // 1: the gradient
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vector>;                // [clips · frames, …, C]
@group(0) @binding(2) var<storage, read_write> y: array<result_vector>;   // as x

@compute @workgroup_size(WORKGROUP)
fn temporal_shift(lanes: Lanes) {
  let tile = tile_of(lanes, params.tile, params.n);
  for (var i = tile.first; i < tile.end; i += WORKGROUP) {
    let frame = i / params.frame % params.frames;
    let group = i % params.channels / max(params.fold, 1u);   // 0, 1: shifted; 2 and above, or no fold: its own
    let is_shifted = group < 2u && params.fold > 0u;
    let is_ahead = group == params.turned;
    let is_end = frame == select(0u, params.frames - 1u, is_ahead);
    if (is_shifted && is_end) { y[i] = result_vector(); continue; }
    let shifted = select(i - params.frame, i + params.frame, is_ahead);
    y[i] = result_vector(x[select(i, shifted, is_shifted)]);
  }
}
