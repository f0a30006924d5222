// y = eˣ, element by element. The argument is not clamped: clamp() takes NaN to a number on real adapters, and a temperature
// that went wrong must stay visible. Linked with ../shared/exp.wgsl and a pack.

struct Params { n: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<pack>;         // n packs
@group(0) @binding(2) var<storage, read_write> y: array<pack>;   // n packs

const WORKGROUP = 256u;

@compute @workgroup_size(WORKGROUP)
fn exponential(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * WORKGROUP + lane;
  if (i < params.n) { y[i] = pack(pack_of(exp_of_four(vec4f(pack32(x[i]))))); }
}
