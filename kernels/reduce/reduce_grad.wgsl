// Gradient of a sum or mean over one dimension: every summand gets the gradient of its sum, dx[o, k, i] = factor · dy[o, i].
// One lane per vector of dx; a range of dx begins `start` vectors behind the beginning of an o. Linked with vector/*.wgsl.

struct Params { n: u32, extent: u32, inner: u32, start: u32, x_skip: u32, y_skip: u32, factor: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> dy: array<vector>;                // [outer, inner], behind y_skip vectors
@group(0) @binding(2) var<storage, read_write> dx: array<result_vector>;   // [outer, extent, inner], n vectors behind x_skip

const WORKGROUP = 256u;

@compute @workgroup_size(WORKGROUP)
fn reduce_grad(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = group_number(group, groups) * WORKGROUP + lane;
  if (i >= params.n) { return; }
  let outer = (i + params.start) / (params.extent * params.inner);
  dx[i + params.x_skip] = result_vector(params.factor * vector32(dy[outer * params.inner + i % params.inner + params.y_skip]));
}
