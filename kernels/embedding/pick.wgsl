// One row per batch entry: y[b] = x[b, index[b]], NaN if there is no such row. One lane per vector of y. Linked with special.wgsl and a vector.

struct Params { n: u32, length: u32, width: u32, first: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vector>;         // [entries, length, width], from entry `first` of the batch on
@group(0) @binding(2) var<storage, read> index: array<u32>;      // [batch], below length
@group(0) @binding(3) var<storage, read_write> y: array<vector>;   // [batch, width], n vectors of which are written

const WORKGROUP = 64u;

@compute @workgroup_size(WORKGROUP)
fn pick(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = group_number(group, groups) * WORKGROUP + lane;
  if (i >= params.n) { return; }
  let b = i / params.width;
  let row = index[params.first + b];
  let place = params.first * params.width + i;
  if (row < params.length) { y[place] = x[(b * params.length + row) * params.width + i % params.width]; }
  else { y[place] = vector(vector_of(nan_of(vec4f(f32(row))))); }
}
