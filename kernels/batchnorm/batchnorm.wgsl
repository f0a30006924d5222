// Batch normalisation of columns, with statistics that are known. Ioffe & Szegedy 2015, arXiv:1502.03167, algorithm 1.
//   y = x̂ · weight + bias,   x̂ = (x − mean)/√(variance + eps);   with RELU, max(y, 0)
// Linked with engine/flat.wgsl, a vector and special.wgsl.
// Constants: RELU.

struct Params {
  n: u32, tile: u32,    // vectors of this range, and those of a workgroup
  channels: u32,        // in vectors
  eps: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vector>;                // [rows, C]
@group(0) @binding(2) var<storage, read> statistics: array<vector32>;     // [2, C]: mean, variance
@group(0) @binding(3) var<storage, read> weight: array<vector>;           // [C]
@group(0) @binding(4) var<storage, read> bias: array<vector>;             // [C]
@group(0) @binding(5) var<storage, read_write> y: array<result_vector>;   // [rows, C]

@compute @workgroup_size(WORKGROUP)
fn batchnorm(lanes: Lanes) {
  let tile = tile_of(lanes, params.tile, params.n);
  for (var i = tile.first; i < tile.end; i += WORKGROUP) {
    let c = i % params.channels;
    let normalized = (vector32(x[i]) - statistics[c]) / sqrt(statistics[params.channels + c] + params.eps);
    let out = normalized * vector32(weight[c]) + vector32(bias[c]);
    let four = vec4f(out);   // of one element, four times the same
    // by its bits, for a comparison may lose a NaN
    y[i] = result_vector(select(out, vector_of(select(four, vec4f(), is_negative(four))), RELU));
  }
}
