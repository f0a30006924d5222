// Sum over one dimension, times a factor (1, or 1/extent for the mean): y[o, i] = factor · Σ_k x[o, k, i].
// x is seen as [outer, extent, inner]; a lane owns one pack of `inner` and walks along k, so neighbouring lanes read
// neighbouring elements. A long dimension goes in two passes: sums of bands, then, by the same kernel, the sum of the bands.
// Bands depend on the shape alone, so the order of every sum is fixed. Linked with pack/*.wgsl.

struct Params { n: u32, extent: u32, inner: u32, band: u32, bands: u32, factor: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<pack>;         // [outer, extent, inner]
@group(0) @binding(2) var<storage, read_write> y: array<result_pack>;   // [outer, bands, inner], n packs

const WORKGROUP = 64u;

@compute @workgroup_size(WORKGROUP)
fn reduce(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * WORKGROUP + lane;
  if (i >= params.n) { return; }
  let first = i / params.inner % params.bands * params.band;
  let end = min(first + params.band, params.extent);
  let base = i / params.inner / params.bands * params.extent * params.inner + i % params.inner;
  var sum = pack32();
  for (var k = first; k < end; k++) { sum += pack32(x[base + k * params.inner]); }
  y[i] = result_pack(params.factor * sum);
}
