// Gradient of GELU and QuickGELU: dx = dy · activation'(x), element by element.
// Linked with one of erf.wgsl, tanh.wgsl, quick.wgsl, which define `activation_slope`, with a pack, and with each.*.wgsl.

struct Params { packs: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<pack>;               // [packs]
@group(0) @binding(2) var<storage, read> dy: array<pack>;              // [packs]
@group(0) @binding(3) var<storage, read_write> dx: array<result_pack>; // [packs]

const WORKGROUP = 256u;

@compute @workgroup_size(WORKGROUP)
fn gelu_grad(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * WORKGROUP + lane;
  if (i < params.packs) { dx[i] = result_pack(pack32(dy[i]) * slope_each(pack32(x[i]))); }
}
