// Gradient of GELU and QuickGELU: dx = dy · activation'(x), element by element.
// Linked with one of erf.wgsl, tanh.wgsl, quick.wgsl, which define `activation_slope`.

struct Params { n: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<elem>;          // [n]
@group(0) @binding(2) var<storage, read> dy: array<elem>;         // [n]
@group(0) @binding(3) var<storage, read_write> dx: array<result>; // [n]

const WORKGROUP = 256u;

@compute @workgroup_size(WORKGROUP)
fn gelu_grad(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * WORKGROUP + lane;
  if (i < params.n) { dx[i] = result(f32(dy[i]) * activation_slope(f32(x[i]))); }
}
