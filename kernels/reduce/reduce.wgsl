// Sum over one dimension, times a factor (1, or 1/extent for the mean): y[o, i] = factor · Σ_k x[o, k, i].
// x is seen as [outer, extent, inner]; one lane per output, so neighbouring lanes read neighbouring elements when inner > 1.
// The order of the sum is fixed.

struct Params { outputs: u32, extent: u32, inner: u32, factor: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<elem>;         // [outer, extent, inner]
@group(0) @binding(2) var<storage, read_write> y: array<elem>;   // [outer, inner], `outputs` elements

const WORKGROUP = 64u;

@compute @workgroup_size(WORKGROUP)
fn reduce(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * WORKGROUP + lane;
  if (i >= params.outputs) { return; }
  let base = (i / params.inner) * params.extent * params.inner + i % params.inner;
  var total = 0.0;
  for (var k = 0u; k < params.extent; k++) { total += f32(x[base + k * params.inner]); }
  y[i] = elem(params.factor * total);
}
