// Pooling: y[frame, o, c] = x[…] ∘ x[…] ∘ … over the pixels of window o, where ∘ is `combine` of the part that says
// what is computed: the largest, or the sum. Pixels that lie outside of x are left out, which is what a padding of −∞
// does to a maximum, and one of 0 to a sum. A lane owns a vector of channels, so neighbouring lanes read neighbours.
// Linked with engine/flat.wgsl, a vector, parts/pool_params.wgsl, ../shared/window.wgsl, and an operation of ../shared.

@group(0) @binding(1) var<storage, read> x: array<vector>;   // [frames, extents …, C]

// Of what is combined, and of results: the lane combines each element of its vector for itself.
alias number = vector32;
alias word = vector_u32;
alias stored = result_vector;

@compute @workgroup_size(WORKGROUP)
fn pool(lanes: Lanes) {
  let tile = tile_of(lanes, params.tile, params.n);
  for (var i = tile.first; i < tile.end; i += WORKGROUP) {
    let window = pixel_of(i / params.channels, y_extents());
    let first = first_tap(window.at);
    let end = end_tap(window.at);
    var total = identity();
    for (var a = first.x; a < end.x; a++) {
      for (var b = first.y; b < end.y; b++) {
        for (var c = first.z; c < end.z; c++) {
          let tap = vec3u(a, b, c);
          let at = number_of_pixel(covered(window, tap), x_extents()) * params.channels + i % params.channels;
          total = combine(total, state_of(vector32(x[at]), tap_number(tap)));
        }
      }
    }
    store(i, total);
  }
}
