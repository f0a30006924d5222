// Gradient of a convolution for its weight: dweight[o, k, c] = Σ over windows: dy[window, o] · x[pixel(window, k), c].
// A lane owns a vector of channels of one place k and one o, and walks through all windows. It sums them frame by
// frame, and then the frames, so that rounding grows less than with one long sum.
// Linked with engine/flat.wgsl, a vector, parts/channels.wgsl and ../shared/window.wgsl.
// Constants: GOES_ON: frames of an earlier dispatch are in the sums.

@group(0) @binding(1) var<storage, read> x: array<vector>;              // [frames, extents …, groups, inner]
@group(0) @binding(2) var<storage, read> dy: array<elem>;               // [frames, windows …, groups, outer]
@group(0) @binding(3) var<storage, read_write> sums: array<vector32>;   // [groups · outer, kernel …, inner]

@compute @workgroup_size(WORKGROUP)
fn convolution_weight_grad(lanes: Lanes) {
  let windows = params.y0 * params.y1 * params.y2;   // of a frame
  let tile = tile_of(lanes, params.tile, params.n);
  for (var i = tile.first; i < tile.end; i += WORKGROUP) {
    let o = i / params.inner / params.taps;
    let k = i / params.inner % params.taps;
    let tap = vec3u(k / (params.kernel1 * params.kernel2), k / params.kernel2 % params.kernel1, k % params.kernel2);
    let group = o / params.outer;
    var total = vector32();
    if (GOES_ON) { total = sums[i]; }
    for (var frame = 0u; frame < params.frames; frame++) {
      var sum = vector32();
      for (var window = frame * windows; window < (frame + 1u) * windows; window++) {
        let pixel = covered(pixel_of(window, y_extents()), tap);
        if (any(pixel.at >= x_extents())) { continue; }   // outside; what lies before the first one wraps
        let pixel_start = x_start(number_of_pixel(pixel, x_extents()), group);
        sum += f32(dy[y_start(window, group) + o % params.outer]) * vector32(x[pixel_start + i % params.inner]);
      }
      total += sum;
    }
    sums[i] = total;
  }
}
