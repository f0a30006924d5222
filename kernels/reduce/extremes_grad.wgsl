// Gradient of the largest or smallest element: those of its rank share it, dx[o, k, i] = dy[o, i] / ties[o, i] where x[o, k, i] = y[o, i], else 0.
// Where y is NaN, all of its dx are. One lane per vector of dx; a range of dx begins `start` vectors behind the beginning of an o.
// Linked with vector/*.wgsl, words.*.wgsl and rank/rank.wgsl.

struct Params { n: u32, extent: u32, inner: u32, start: u32, x_skip: u32, y_skip: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vector>;                 // [outer, extent, inner], n vectors behind x_skip
@group(0) @binding(2) var<storage, read> y: array<vector>;                 // [outer, inner], behind y_skip vectors
@group(0) @binding(3) var<storage, read> dy: array<vector>;                // the same
@group(0) @binding(4) var<storage, read> ties: array<word>;              // the same
@group(0) @binding(5) var<storage, read_write> dx: array<result_vector>;   // as x

alias number = vector32;

const WORKGROUP = 256u;
const NAN_BITS = 0x7fc00000u;

@compute @workgroup_size(WORKGROUP)
fn extremes_grad(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = group_number(group, groups) * WORKGROUP + lane;
  if (i >= params.n) { return; }
  let j = (i + params.start) / (params.extent * params.inner) * params.inner + i % params.inner + params.y_skip;
  let rank = rank_of(vector32(y[j]));
  let share = bitcast<word>(vector32(dy[j]) / vector32(ties[j]));
  // chosen as bits, for adapters may take it that no float is NaN
  let chosen = select(word(), share, rank_of(vector32(x[i + params.x_skip])) == rank);
  dx[i + params.x_skip] = result_vector(bitcast<vector32>(select(chosen, word(NAN_BITS), rank == word(NAN))));
}
