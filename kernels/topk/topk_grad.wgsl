// Gradient of topk: dx[row, c] = dy[row, j] where c is the place of the j-th largest element, else 0.
// One lane per vector of dx looks for its places among the k of its row, so that each element is written once. Linked with a vector.

struct Params { n: u32, vectors: u32, k: u32, x_skip: u32, y_skip: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> dy: array<elem>;                // [rows, k], behind y_skip numbers
@group(0) @binding(2) var<storage, read> indices: array<u32>;            // the same
@group(0) @binding(3) var<storage, read_write> dx: array<result_vector>;   // [rows, vectors], n vectors behind x_skip

const WORKGROUP = 256u;

@compute @workgroup_size(WORKGROUP)
fn topk_grad(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = group_number(group, groups) * WORKGROUP + lane;
  if (i >= params.n) { return; }
  let first = i / params.vectors * params.k + params.y_skip;
  let places = elements_of(i % params.vectors);
  var d = vector32();
  for (var j = first; j < first + params.k; j++) { d = select(d, vector32(f32(dy[j])), places == vector_u32(indices[j])); }
  dx[i + params.x_skip] = result_vector(d);
}
