// Convolution as a product that finds its operand's pixels itself (implicit GEMM). It makes results of both kinds:
//   y[m, o] = Σ over taps and channels c: picture[window(m) + tap, c] · weight[o, tap, c]        TRANSPOSE_B
//   dx[p, c] = Σ over taps and channels o: picture[window(p) + tap, o] · weight[o, tap, c]       otherwise
// The picture is x, or dy, with its padding as pixels of zeros around it, so that no load asks whether a pixel is
// there. A row of A is a window of the picture, and k goes through its taps, and in each through the channels. For dx,
// a pixel has the taps of one residue of the stride only, so each residue is a launch: there windows are neighbours
// again, and taps of the weight are `stride` apart, last to first.
//   a: picture [frames, padded extents …, channels]     b: weight [O, kernel …, C]     y: [frames, extents …, N]
// Linked with parts/places.wgsl, ../shared/quotient.wgsl, parts/picture_epilogue.wgsl, and with the loops of
// ../shared/product, as any product.

struct Params {
  rows: u32, columns: u32, inner: u32, batch: u32,         // as ../shared/product/params.wgsl has them
  a_matrix: u32, b_matrix: u32, splits: u32, split_length: u32,
  per_row: f32, per_plane: f32, per_frame: f32,            // of the grid of rows: 1/w, 1/h, 1/d of places.wgsl
  // their windows in the picture, and their pixels in y
  window: u32, window_own: u32, window_row: u32, window_plane: u32, window_frame: u32,
  pixel: u32, pixel_own: u32, pixel_row: u32, pixel_plane: u32, pixel_frame: u32,
  channels: u32, per_channel: f32,                         // of the picture, and 1/channels
  per_tap_row: f32, per_tap_plane: f32,                    // of taps: 1/w and 1/h
  tap_own: u32, tap_row: u32, tap_plane: u32,              // where they lie in the picture
  weight: u32, weight_own: u32, weight_row: u32, weight_plane: u32,            // and in the weight
  taps: u32,                                               // that the weight has in all
  a_texels: u32, a_layers: u32,                            // of textures: texels of a pixel, and layers, in a panel
  b_texels: u32, b_layers: u32,
}

@group(0) @binding(0) var<uniform> params: Params;

fn places_of(m: vec4u) -> Places {
  let row = quotient(m, params.per_row);
  let plane = quotient(row, params.per_plane);
  return Places(m, row, plane, quotient(plane, params.per_frame));
}

// Pixels at which the windows of some rows begin, and those that they make.
fn windows_of(m: vec4u) -> vec4u {
  if (are_even(params.window_row, params.window_plane, params.window_frame)) {
    return params.window + m * params.window_own;
  }
  let at = places_of(m);
  return params.window + at.own * params.window_own + at.row * params.window_row + at.plane * params.window_plane
    + at.frame * params.window_frame;
}
fn pixels_of(m: vec4u) -> vec4u {
  if (are_even(params.pixel_row, params.pixel_plane, params.pixel_frame)) {
    return params.pixel + m * params.pixel_own;
  }
  let at = places_of(m);
  return params.pixel + at.own * params.pixel_own + at.row * params.pixel_row + at.plane * params.pixel_plane
    + at.frame * params.pixel_frame;
}

// Taps of some k: how many pixels behind the start of a window, and which of the weight.
struct Taps { channel: vec4u, pixel: vec4u, weight: vec4u }
fn taps_of(k: vec4u) -> Taps {
  let own = quotient(k, params.per_channel);
  let row = quotient(own, params.per_tap_row);
  let plane = quotient(row, params.per_tap_plane);
  return Taps(
    k - own * params.channels,
    own * params.tap_own + row * params.tap_row + plane * params.tap_plane,
    params.weight + own * params.weight_own + row * params.weight_row + plane * params.weight_plane,
  );
}
