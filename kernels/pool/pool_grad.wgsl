// Gradient of pooling: dx[frame, p, c] = Σ of the shares that pixel p has in the windows that cover it, in their order.
// A lane owns a vector of dx and looks for its windows, so nothing is added by two lanes.
// Linked with engine/flat.wgsl, a vector, parts/pool_params.wgsl, ../shared/window.wgsl, and a part that says what a
// share is: parts/of_maximum.wgsl or parts/of_mean.wgsl.

@group(0) @binding(1) var<storage, read> dy: array<vector>;                // [frames, windows …, C]
@group(0) @binding(2) var<storage, read_write> dx: array<result_vector>;   // [frames, extents …, C]

@compute @workgroup_size(WORKGROUP)
fn pool_grad(lanes: Lanes) {
  let tile = tile_of(lanes, params.tile, params.n);
  for (var i = tile.first; i < tile.end; i += WORKGROUP) {
    let pixel = pixel_of(i / params.channels, x_extents());
    let first = first_window(pixel.at);
    let end = end_window(pixel.at);
    var sum = vector32();
    for (var a = first.x; a < end.x; a++) {
      for (var b = first.y; b < end.y; b++) {
        for (var c = first.z; c < end.z; c++) {
          let window = vec3u(a, b, c);
          let offset = offset_in(window, pixel.at);
          if (any(offset % dilation() != vec3u())) { continue; }   // it lies between two places
          let at = number_of_pixel(Pixel(pixel.frame, window), y_extents()) * params.channels + i % params.channels;
          sum += share_of(at, tap_number(offset / dilation()));
        }
      }
    }
    dx[i] = result_vector(sum);
  }
}
