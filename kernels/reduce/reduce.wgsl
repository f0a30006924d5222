// Reduction of one dimension: y[o, i] = x[o, 0, i] ∘ x[o, 1, i] ∘ …, where ∘ is `combine` of the part that says what is
// computed. x is seen as [outer, extent, inner]; a lane owns one vector of `inner` and walks along k, so neighbouring
// lanes read neighbouring elements. A long dimension goes in two passes: splits of it, each with a result of its own,
// then, by the same kernel, those. Splits depend on the shape alone, so the order is fixed. What does not fit one
// binding goes in ranges of splits: whole lines, or one line in part.
// Linked with a vector, an operation, and what it reads: parts/elements.wgsl or parts/partials.wgsl.
// Constants: WORKGROUP, the lanes of a workgroup.

struct Params {
  n: u32,                            // results of this range, in vectors
  extent: u32, inner: u32,           // inner in vectors
  split_length: u32, splits: u32,    // positions of a split, and splits of a line
  first: u32,                        // the position of its line that the range begins with
  x_start: u32, y_start: u32,        // where the range begins in what is bound
  factor: f32,                       // of a sum
}

@group(0) @binding(0) var<uniform> params: Params;

// Of what is combined, and of results: the lane combines each element of its vector for itself.
alias number = vector32;
alias word = vector_u32;
alias stored = result_vector;

@compute @workgroup_size(WORKGROUP)
fn reduce(
  @builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32
) {
  let i = group_number(group, groups) * WORKGROUP + lane;
  if (i >= params.n) { return; }
  let split = i / params.inner;
  let start = split % params.splits * params.split_length;
  let end = min(start + params.split_length, params.extent - params.first);
  let base = params.x_start + split / params.splits * params.extent * params.inner + i % params.inner;
  var total = identity();
  for (var k = start; k < end; k++) { total = combine(total, load(base + k * params.inner, params.first + k)); }
  store(params.y_start + i, total);
}
