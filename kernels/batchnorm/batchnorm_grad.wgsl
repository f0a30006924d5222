// Gradient of batch normalisation for its input.
//   dx = weight · rstd · (g − Σg/N − x̂ · Σ(g · x̂)/N),   rstd = 1/√(variance + eps)
// Statistics that were given, not taken from the batch, do not depend on x: dx = weight · rstd · g.
// Linked with engine/flat.wgsl, a vector, special.wgsl and ../shared/passed.wgsl.
// Constants: RELU; OF_BATCH: the statistics are those of the batch.

struct Params {
  n: u32, tile: u32,    // vectors of this range, and those of a workgroup
  channels: u32,        // in vectors
  rows: u32,            // N, all of them
  eps: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vector>;                 // [rows, C]
@group(0) @binding(2) var<storage, read> y: array<vector>;                 // [rows, C], read if RELU
@group(0) @binding(3) var<storage, read> dy: array<vector>;                // [rows, C]
@group(0) @binding(4) var<storage, read> statistics: array<vector32>;      // [2, C]: mean, variance
@group(0) @binding(5) var<storage, read> weight: array<vector>;            // [C]
@group(0) @binding(6) var<storage, read> sums: array<vector32>;            // [2, C]: of g · x̂, of g; read if OF_BATCH
@group(0) @binding(7) var<storage, read_write> dx: array<result_vector>;   // [rows, C]

@compute @workgroup_size(WORKGROUP)
fn batchnorm_grad(lanes: Lanes) {
  let tile = tile_of(lanes, params.tile, params.n);
  for (var i = tile.first; i < tile.end; i += WORKGROUP) {
    let c = i % params.channels;
    let rstd = 1.0 / sqrt(statistics[params.channels + c] + params.eps);
    var g = passed(i);
    if (OF_BATCH) {
      let normalized = (vector32(x[i]) - statistics[c]) * rstd;
      g -= (sums[params.channels + c] + normalized * sums[c]) / f32(params.rows);
    }
    dx[i] = result_vector(vector32(weight[c]) * rstd * g);
  }
}
