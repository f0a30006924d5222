// Convolution: y[window, o] = bias[o] + Σ over places k of the window and channels c: x[pixel(window, k), c] ·
// weight[o, k, c]. A lane has one number of y. Places that lie outside of x are left out, which is what a padding of
// zeros does to a sum. With groups, o sees the channels of its own group alone.
// Linked with engine/flat.wgsl, a vector, parts/channels.wgsl, ../shared/window.wgsl and
// ../shared/special.wgsl.
// Constants: BIAS, RESIDUAL: there is one; RELU: max(y, 0) is stored.

@group(0) @binding(1) var<storage, read> x: array<vector>;           // [frames, extents …, groups, inner]
@group(0) @binding(2) var<storage, read> weight: array<vector>;      // [groups · outer, kernel …, inner]
@group(0) @binding(3) var<storage, read> bias: array<elem>;          // [groups · outer], read if BIAS
@group(0) @binding(4) var<storage, read_write> y: array<result>;     // [frames, windows …, groups, outer]
@group(0) @binding(5) var<storage, read> residual: array<elem>;      // shaped as y, read if RESIDUAL

@compute @workgroup_size(WORKGROUP)
fn convolution(lanes: Lanes) {
  let channels = params.groups * params.outer;
  let tile = tile_of(lanes, params.tile, params.n);
  for (var i = tile.first; i < tile.end; i += WORKGROUP) {
    let o = i % channels;
    let window = pixel_of(i / channels, y_extents());
    let first = first_tap(window.at);
    let end = end_tap(window.at);
    var sum = vector32();
    for (var a = first.x; a < end.x; a++) {
      for (var b = first.y; b < end.y; b++) {
        for (var c = first.z; c < end.z; c++) {
          let tap = vec3u(a, b, c);
          let pixel = x_start(number_of_pixel(covered(window, tap), x_extents()), o / params.outer);
          let row = weight_start(o, tap_number(tap));
          for (var k = 0u; k < params.inner; k++) { sum += vector32(x[pixel + k]) * vector32(weight[row + k]); }
        }
      }
    }
    var out = sum_of(sum);
    if (BIAS) { out += f32(bias[o]); }
    if (RESIDUAL) { out += f32(residual[i]); }
    if (RELU) { out = select(out, 0.0, is_negative(vec4f(out)).x); }
    y[i] = result(out);
  }
}
