// Cumulative sum along one dimension: y[o, k, i] = Σ x[o, j, i] over j ≤ k; turned round, as the gradient wants it, over j ≥ k.
// x is seen as [outer, extent, inner]; a lane owns one vector of `inner` and walks along k, so neighbouring lanes read neighbouring elements. A long
// dimension goes in three passes of this kernel: the totals of its bands; their cumulative sum, each without itself; and the bands, each from the sum
// of those before it. Bands depend on the shape alone, so the order of every sum is fixed. Linked with vector/*.wgsl.

struct Params { n: u32, extent: u32, inner: u32, band: u32, bands: u32, first: u32, x_first: u32, y_first: u32, turned: u32, exclusive: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vector>;                // [outer, extent, inner], from vector `x_first` on
@group(0) @binding(2) var<storage, read> carries: array<vector32>;        // [outer, bands, inner], from vector `y_first` on: what comes before; if CARRIED
@group(0) @binding(3) var<storage, read_write> y: array<result_vector>;   // as x, or, if TOTALS, as carries

const WORKGROUP = 64u;

@compute @workgroup_size(WORKGROUP)
fn cumsum(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = group_number(group, groups) * WORKGROUP + lane;
  if (i >= params.n) { return; }
  let block = params.first + i / params.inner;             // a band of one o
  let start = block % params.bands * params.band;
  let length = min(params.band, params.extent - start);
  let base = (block / params.bands * params.extent + start) * params.inner + i % params.inner - params.x_first;
  let result = params.first * params.inner + i - params.y_first;
  var sum = vector32();
  if (CARRIED) { sum = carries[result]; }
  for (var step = 0u; step < length; step++) {
    let at = base + select(step, length - 1u - step, params.turned == 1u) * params.inner;
    let before = sum;
    sum += vector32(x[at]);
    if (!TOTALS) { y[at] = result_vector(select(sum, before, params.exclusive == 1u)); }
  }
  if (TOTALS) { y[result] = result_vector(sum); }
}
