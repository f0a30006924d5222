// sum = a + b, element by element: the gradient of a value that was used twice.

struct Params { n: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<elem>;           // [n]
@group(0) @binding(2) var<storage, read> b: array<elem>;           // [n]
@group(0) @binding(3) var<storage, read_write> sum: array<elem>;   // [n]

@compute @workgroup_size(256)
fn add(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * 256u + lane;
  if (i < params.n) { sum[i] = elem(f32(a[i]) + f32(b[i])); }
}
