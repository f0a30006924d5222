// Gradient of the mean loss: dlogits = derivative · dLoss / rows. The derivative, p · Σt − t, was left by
// cross_entropy.wgsl. Linked with engine/flat.wgsl (which elements a lane takes) and ../shared/vector/*.wgsl.

struct Params { vectors: u32, tile: u32, rows: u32 }   // in all, those of a workgroup, and rows of logits

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> derivative: array<vector32>;           // [vectors]
@group(0) @binding(2) var<storage, read> dloss: array<f32>;                     // [1]
@group(0) @binding(3) var<storage, read_write> dlogits: array<result_vector>;   // [vectors]

@compute @workgroup_size(WORKGROUP)
fn cross_entropy_grad(lanes: Lanes) {
  let tile = tile_of(lanes, params.tile, params.vectors);
  let factor = dloss[0] / f32(params.rows);
  for (var i = tile.first; i < tile.end; i += WORKGROUP) { dlogits[i] = result_vector(derivative[i] * factor); }
}
