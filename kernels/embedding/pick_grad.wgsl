// Gradient of pick: dx[b, l] = dy[b] where l = index[b], else 0; NaN if there is no such l. One lane per vector of dx. Linked with special.wgsl
// and a vector.

struct Params { n: u32, length: u32, width: u32, first: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> dy: array<vector>;         // [batch, width]
@group(0) @binding(2) var<storage, read> index: array<u32>;       // [batch]
@group(0) @binding(3) var<storage, read_write> dx: array<result_vector>;   // [entries, length, width], n vectors, from entry `first` of the batch on

const WORKGROUP = 64u;

@compute @workgroup_size(WORKGROUP)
fn pick_grad(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = group_number(group, groups) * WORKGROUP + lane;
  if (i >= params.n) { return; }
  let row = i / params.width;
  let b = params.first + row / params.length;
  let wanted = index[b];
  var d = result_vector();
  if (row % params.length == wanted) { d = result_vector(dy[b * params.width + i % params.width]); }
  else if (wanted >= params.length) { d = result_vector(vector_of(nan_of(vec4f(f32(wanted))))); }
  dx[i] = d;
}
