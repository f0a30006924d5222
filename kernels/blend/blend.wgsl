// Mixes each sample of a batch with another one: MixUp (Zhang et al. 2018, arXiv:1710.09412, eq. 1) and CutMix (Yun et al.
// 2019, arXiv:1905.04899, eq. 1) in one kernel.
//   outside the box   y[b] = keep · x[b] + (1 − keep) · x[partner[b]]
//   inside the box    y[b] = x[partner[b]]
// MixUp has an empty box; CutMix keeps all of what lies outside (keep = 1). A sample whose partner does not exist is NaN. One lane per element.
// A batch larger than a binding takes a dispatch for each range of samples and each range of partners, which leaves alone the samples
// whose partner is in another range. Linked with special.wgsl.

struct Params {
  n: u32, sample: u32, height: u32, width: u32, batch: u32,
  first: u32,                            // sample that x and y begin with
  other_first: u32, other_count: u32,    // samples in `others`
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<elem>;           // [samples, ..., height, width], n elements, `sample` each
@group(0) @binding(2) var<storage, read> partner: array<u32>;      // [B]
@group(0) @binding(3) var<storage, read> mix: array<f32>;          // [5]: keep, then the box: x1, y1, x2, y2 (exclusive)
@group(0) @binding(4) var<storage, read_write> y: array<elem>;     // shape of x
@group(0) @binding(5) var<storage, read> others: array<elem>;      // [other_count, ..., height, width]; x itself, if that fits

const WORKGROUP = 256u;

@compute @workgroup_size(WORKGROUP)
fn blend(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = group_number(group, groups) * WORKGROUP + lane;
  if (i >= params.n) { return; }
  let chosen = partner[params.first + i / params.sample];
  if (chosen >= params.batch) { y[i] = elem(nan_of(vec4f(f32(chosen))).x); }
  let other_sample = chosen - params.other_first;   // wraps to a huge number below it
  if (other_sample >= params.other_count) { return; }
  let column = i % params.width;
  let row = (i / params.width) % params.height;
  let inside = f32(column) >= mix[1] && f32(column) < mix[3] && f32(row) >= mix[2] && f32(row) < mix[4];
  let own = f32(x[i]);
  let other = f32(others[other_sample * params.sample + i % params.sample]);
  y[i] = elem(select(mix[0] * own + (1.0 - mix[0]) * other, other, inside));
}
