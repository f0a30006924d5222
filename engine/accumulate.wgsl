// total += x, element by element: gradients of micro-batches are added in place.

struct Params { n: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<elem>;               // [n]
@group(0) @binding(2) var<storage, read_write> total: array<result>;   // [n]

@compute @workgroup_size(256)
fn accumulate(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * 256u + lane;
  if (i < params.n) { total[i] = result(f32(total[i]) + f32(x[i])); }
}
