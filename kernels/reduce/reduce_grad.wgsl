// Gradient of a sum or mean over one dimension: every summand gets the gradient of its sum, dx[o, k, i] = factor ·
// dy[o, i].
// Linked with engine/flat.wgsl (which vectors of dx a lane takes) and a vector. A range of dx has whole lines, or rows
// of one line.

struct Params {
  n: u32, tile: u32,             // vectors of dx in this range, and those of a workgroup
  extent: u32, inner: u32,       // inner in vectors
  x_start: u32, y_start: u32,    // where the range begins in what is bound of dx and of dy
  factor: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> dy: array<vector>;                // [outer, inner]
@group(0) @binding(2) var<storage, read_write> dx: array<result_vector>;   // [outer, extent, inner]

@compute @workgroup_size(WORKGROUP)
fn reduce_grad(lanes: Lanes) {
  let tile = tile_of(lanes, params.tile, params.n);
  for (var i = tile.first; i < tile.end; i += WORKGROUP) {
    let j = i / (params.extent * params.inner) * params.inner + i % params.inner;
    dx[params.x_start + i] = result_vector(params.factor * vector32(dy[params.y_start + j]));
  }
}
