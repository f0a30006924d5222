// Reduction of one dimension: y[o, i] = x[o, 0, i] ∘ x[o, 1, i] ∘ …, where ∘ is `combine` of the part that says what is computed.
// x is seen as [outer, extent, inner]; a lane owns one vector of `inner` and walks along k, so neighbouring lanes read neighbouring elements. A long
// dimension goes in two passes: bands of it, each with a result of its own, then, by the same kernel, those. Bands depend on the shape alone, so
// the order is fixed. What does not fit one binding goes in ranges of bands. Linked with vector/*.wgsl, words.*.wgsl, an operation, and what it reads.

struct Params { n: u32, extent: u32, inner: u32, band: u32, bands: u32, first: u32, x_first: u32, y_first: u32, factor: f32 }

@group(0) @binding(0) var<uniform> params: Params;

// Of what is combined, and of results.
alias number = vector32;
alias stored = result_vector;

const WORKGROUP = 64u;

@compute @workgroup_size(WORKGROUP)
fn reduce(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = group_number(group, groups) * WORKGROUP + lane;
  if (i >= params.n) { return; }
  let block = params.first + i / params.inner;             // a band of a row of x
  let start = block % params.bands * params.band;
  let end = min(start + params.band, params.extent);
  let base = block / params.bands * params.extent * params.inner + i % params.inner - params.x_first;
  var total = identity();
  for (var k = start; k < end; k++) { total = combine(total, load(base + k * params.inner, k)); }
  store(params.first * params.inner + i - params.y_first, total);
}
