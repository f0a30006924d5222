// Gradient of the mean loss: dlogits = slope · dLoss / rows, where slope = p · Σt − t was left by the forward pass.

struct Params { n: u32, rows: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> slope: array<f32>;              // [n]
@group(0) @binding(2) var<storage, read> dloss: array<f32>;              // [1]
@group(0) @binding(3) var<storage, read_write> dlogits: array<result>;   // [n]

const WORKGROUP = 256u;

@compute @workgroup_size(WORKGROUP)
fn cross_entropy_grad(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * WORKGROUP + lane;
  if (i < params.n) { dlogits[i] = result(slope[i] * dloss[0] / f32(params.rows)); }
}
