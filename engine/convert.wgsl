// y = x in another element type: f32 rounds to the nearest f16, or to infinity beyond 65504; every f16 is an f32.

struct Params { n: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<elem>;           // [n]
@group(0) @binding(2) var<storage, read_write> y: array<result>;   // [n]

@compute @workgroup_size(256)
fn convert(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * 256u + lane;
  if (i < params.n) { y[i] = result(x[i]); }
}
