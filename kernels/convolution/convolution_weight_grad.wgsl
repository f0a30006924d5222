// Gradient of a convolution for its weight, as a product that finds pixels itself:
//   dweight[o, (tap, c)] = Σ over windows w: dy[w, o] · picture[window(w) + tap, c]
// dyᵀ times what the windows cover. The picture is x, its padding as pixels of zeros around it. k goes through windows.
//   a: dy [windows, O], transposed     b: picture [frames, padded extents …, C]     y: dweight [splits, O, kernel …, C]
// In textures dy has a padding as well, which the gradient for x wants, and pixels behind the last are zeros: what is
// summed there beyond the last window counts nothing.
// Linked with parts/places.wgsl, ../shared/quotient.wgsl, and with the loops of ../shared/product and places of y, as
// any product.

struct Params {
  rows: u32, columns: u32, inner: u32, batch: u32,         // as ../shared/product/params.wgsl has them
  a_matrix: u32, b_matrix: u32, splits: u32, split_length: u32,
  per_row: f32, per_plane: f32, per_frame: f32,            // of the grid of windows: 1/w, 1/h, 1/d of places.wgsl
  // they in the picture, and in dy as a texture has it
  window: u32, window_own: u32, window_row: u32, window_plane: u32, window_frame: u32,
  pixel: u32, pixel_own: u32, pixel_row: u32, pixel_plane: u32, pixel_frame: u32,
  channels: u32, per_channel: f32,                         // of the picture, and 1/channels
  per_tap_row: f32, per_tap_plane: f32,                    // of taps: 1/w and 1/h
  tap_own: u32, tap_row: u32, tap_plane: u32,              // where they lie in the picture
  a_texels: u32, a_layers: u32, a_end: u32,                // of textures: texels of a pixel, and layers, in a panel;
  b_texels: u32, b_layers: u32, b_end: u32,                // and the number of the pixel behind the last
}

@group(0) @binding(0) var<uniform> params: Params;

fn places_of(w: vec4u) -> Places {
  let row = quotient(w, params.per_row);
  let plane = quotient(row, params.per_plane);
  return Places(w, row, plane, quotient(plane, params.per_frame));
}

// Pixels of the picture at which windows begin, and those of dy that they made.
fn windows_of(w: vec4u) -> vec4u {
  let at = places_of(w);
  return params.window + at.own * params.window_own + at.row * params.window_row + at.plane * params.window_plane
    + at.frame * params.window_frame;
}
fn pixels_of(w: vec4u) -> vec4u {
  let at = places_of(w);
  return params.pixel + at.own * params.pixel_own + at.row * params.pixel_row + at.plane * params.pixel_plane
    + at.frame * params.pixel_frame;
}

// Taps and channels of some columns: how many pixels behind the start of a window.
struct Taps { channel: vec4u, pixel: vec4u }
fn taps_of(n: vec4u) -> Taps {
  let own = quotient(n, params.per_channel);
  let row = quotient(own, params.per_tap_row);
  let plane = quotient(row, params.per_tap_plane);
  return Taps(
    n - own * params.channels, own * params.tap_own + row * params.tap_row + plane * params.tap_plane,
  );
}
