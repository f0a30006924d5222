// The gradient of a ReLU behind a convolution, found in its result: dsum = dy where y is above 0, or a NaN; else 0.
// Linked with engine/flat.wgsl, a vector, ../shared/special.wgsl and ../shared/passed.wgsl.

struct Params { n: u32, tile: u32 }   // vectors of this range, and those of a workgroup

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> y: array<vector>;
@group(0) @binding(2) var<storage, read> dy: array<vector>;
@group(0) @binding(3) var<storage, read_write> dsum: array<vector>;

const RELU = true;

@compute @workgroup_size(WORKGROUP)
fn convolution_relu_grad(lanes: Lanes) {
  let tile = tile_of(lanes, params.tile, params.n);
  for (var i = tile.first; i < tile.end; i += WORKGROUP) { dsum[i] = vector(passed(i)); }
}
