// Gradient of a convolution for its pixels: dx[pixel, c] = Σ over the windows that cover the pixel, k its place there,
// and their channels o: dy[window, o] · weight[o, k, c]. A lane owns a vector of dx and looks for its windows, so
// nothing is added by two lanes.
// Linked with engine/flat.wgsl, a vector, parts/channels.wgsl and ../shared/window.wgsl.
// Constants: RESIDUAL: what the pixels got so far is added.

@group(0) @binding(1) var<storage, read> dy: array<elem>;                  // [frames, windows …, groups, outer]
@group(0) @binding(2) var<storage, read> weight: array<vector>;            // [groups · outer, kernel …, inner]
@group(0) @binding(3) var<storage, read_write> dx: array<result_vector>;   // [frames, extents …, groups, inner]
@group(0) @binding(4) var<storage, read> residual: array<vector>;          // shaped as dx, read if RESIDUAL

@compute @workgroup_size(WORKGROUP)
fn convolution_pixels_grad(lanes: Lanes) {
  let channels = params.groups * params.inner;
  let tile = tile_of(lanes, params.tile, params.n);
  for (var i = tile.first; i < tile.end; i += WORKGROUP) {
    let group = i % channels / params.inner;
    let pixel = pixel_of(i / channels, x_extents());
    let first = first_window(pixel.at);
    let end = end_window(pixel.at);
    var sum = vector32();
    for (var a = first.x; a < end.x; a++) {
      for (var b = first.y; b < end.y; b++) {
        for (var c = first.z; c < end.z; c++) {
          let offset = offset_in(vec3u(a, b, c), pixel.at);
          if (any(offset % dilation() != vec3u())) { continue; }   // it lies between two places
          let tap = tap_number(offset / dilation());
          let window_start = y_start(number_of_pixel(Pixel(pixel.frame, vec3u(a, b, c)), y_extents()), group);
          for (var o = 0u; o < params.outer; o++) {
            let weights = weight_start(group * params.outer + o, tap) + i % params.inner;
            sum += f32(dy[window_start + o]) * vector32(weight[weights]);
          }
        }
      }
    }
    if (RESIDUAL) { sum += vector32(residual[i]); }
    dx[i] = result_vector(sum);
  }
}
