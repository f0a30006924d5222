// y = factor · x, element by element. Linked with a pack.

struct Params { n: u32, factor: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<pack>;         // n packs
@group(0) @binding(2) var<storage, read_write> y: array<result_pack>;   // n packs

const WORKGROUP = 256u;

@compute @workgroup_size(WORKGROUP)
fn scale(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * WORKGROUP + lane;
  if (i < params.n) { y[i] = result_pack(params.factor * pack32(x[i])); }
}
