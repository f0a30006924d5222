// Cumulative sum along one dimension: y[o, k, i] = Σ x[o, j, i] over j ≤ k; turned round, as the gradient wants it,
// over j ≥ k. x is seen as [outer, extent, inner]; a lane owns one vector of `inner` and walks along k, so neighbouring
// lanes read neighbouring elements. A long dimension goes in three passes of this kernel: the totals of its splits;
// their cumulative sum, each without itself; and the splits, each from the sum of those before it. Splits depend on the
// shape alone, so the order of every sum is fixed.
// Linked with a vector.
// Constants: WORKGROUP, the lanes of a workgroup. TOTALS: only the total of each split is stored. CARRIED: a split
// begins with its carry.

struct Params {
  n: u32,                            // columns of splits in this range, in vectors
  extent: u32, inner: u32,           // inner in vectors
  split_length: u32, splits: u32,    // positions of a split, and splits of a line
  first: u32,                        // the position of its line that the range begins with
  x_start: u32, y_start: u32,        // where the range begins in what is bound, in each of the two layouts
  turned: u32, exclusive: u32,       // 1: from the other end; each sum without its own element
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vector>;                // [outer, extent, inner]
@group(0) @binding(2) var<storage, read> carries: array<vector32>;        // [outer, splits, inner]; read if CARRIED
@group(0) @binding(3) var<storage, read_write> y: array<result_vector>;   // as x, or, if TOTALS, as carries

@compute @workgroup_size(WORKGROUP)
fn cumsum(
  @builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32
) {
  let i = group_number(group, groups) * WORKGROUP + lane;
  if (i >= params.n) { return; }
  let split = i / params.inner;
  let start = split % params.splits * params.split_length;
  let length = min(params.split_length, params.extent - params.first - start);
  let base = params.x_start + (split / params.splits * params.extent + start) * params.inner + i % params.inner;
  var sum = vector32();
  if (CARRIED) { sum = carries[params.y_start + i]; }
  for (var step = 0u; step < length; step++) {
    let at = base + select(step, length - 1u - step, params.turned == 1u) * params.inner;
    let before = sum;
    sum += vector32(x[at]);
    if (!TOTALS) { y[at] = result_vector(select(sum, before, params.exclusive == 1u)); }
  }
  if (TOTALS) { y[params.y_start + i] = result_vector(sum); }
}
