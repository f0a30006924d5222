// A convolution and the batch normalisation behind it as one convolution: statistics that are known scale the weights
// of each channel of y, and what they take away goes into the bias.
//   weight′[o, ..] = weight[o, ..] · scale[o],   bias′[o] = (bias[o] − mean[o]) · scale[o] + norm_bias[o]
//   scale[o] = norm_weight[o] / √(variance[o] + eps)
// A lane has vectors of the weight; where one is the first of its o, it makes bias′[o] as well.
// Linked with engine/flat.wgsl and a vector.
// Constants: BIAS: the convolution has one.

struct Params {
  n: u32, tile: u32,   // vectors of the weight, and those of a workgroup
  length: u32,         // vectors of a channel of y
  eps: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> weight: array<vector>;            // [O, kernel …, C]
@group(0) @binding(2) var<storage, read> bias: array<elem>;                // [O], read if BIAS
@group(0) @binding(3) var<storage, read> norm_weight: array<elem>;         // [O]
@group(0) @binding(4) var<storage, read> norm_bias: array<elem>;           // [O]
@group(0) @binding(5) var<storage, read> mean: array<f32>;                 // [O]
@group(0) @binding(6) var<storage, read> variance: array<f32>;             // [O]
@group(0) @binding(7) var<storage, read_write> folded: array<vector>;      // as weight
@group(0) @binding(8) var<storage, read_write> folded_bias: array<elem>;   // [O]

@compute @workgroup_size(WORKGROUP)
fn fold_norm(lanes: Lanes) {
  let tile = tile_of(lanes, params.tile, params.n);
  for (var i = tile.first; i < tile.end; i += WORKGROUP) {
    let o = i / params.length;
    let scale = f32(norm_weight[o]) / sqrt(variance[o] + params.eps);
    folded[i] = vector(vector32(weight[i]) * scale);
    if (i % params.length != 0u) { continue; }
    var before = -mean[o];
    if (BIAS) { before += f32(bias[o]); }
    folded_bias[o] = elem(before * scale + f32(norm_bias[o]));
  }
}
