// Gradient of the mean loss: dlogits = slope · dLoss / rows, where slope = p · Σt − t was left by the forward pass.
// Linked with engine/flat.wgsl and a pack.

struct Params { n: u32, run: u32, rows: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> slope: array<pack32>;                // n packs
@group(0) @binding(2) var<storage, read> dloss: array<f32>;                   // [1]
@group(0) @binding(3) var<storage, read_write> dlogits: array<result_pack>;   // n packs

@compute @workgroup_size(WORKGROUP)
fn cross_entropy_grad(lanes: Lanes) {
  let run = run_of(lanes, params.run, params.n);
  let factor = dloss[0] / f32(params.rows);
  for (var i = run.first; i < run.end; i += WORKGROUP) { dlogits[i] = result_pack(slope[i] * factor); }
}
