// Online softmax: y = exp(x − m) / l, with m, the largest element, and l = Σ exp(x − m) found in one pass.
// Milakov & Gimelshein 2018, arXiv:1805.02867, algorithm 3. For each element, from m = −∞ and l = 0,
//   m′ = max(m, x),  α = exp(m − m′),  l ← l · α + exp(x − m′),  m ← m′
// New here: one pass in place of two. A larger maximum rescales what was summed before it was known.
// Taken from softmax.naive.wgsl: one lane per row, the last pass, and NaN handed on. Linked with nothing.
//
// Constants: WORKGROUP  lanes of a workgroup

struct Params { rows: u32, cols: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<elem>;         // [rows, cols]
@group(0) @binding(2) var<storage, read_write> y: array<elem>;   // [rows, cols]

// The lowest f32, in place of −∞: with that, m − m′ of a row that begins with −∞ would be NaN.
const LEAST = -3.4028234e38;

@compute @workgroup_size(WORKGROUP)
fn softmax(
  @builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let row = group_number(group, groups) * WORKGROUP + lane;
  if (row >= params.rows) { return; }
  let first = row * params.cols;
  let end = first + params.cols;

  var running_max = LEAST;   // m, of the elements so far
  var denominator = 0.0;     // l, of the same
  for (var i = first; i < end; i++) {
    let larger = max(running_max, f32(x[i]));
    let rescale = exponential(running_max - larger);   // α: 1 where the maximum stays
    denominator = denominator * rescale + exponential(f32(x[i]) - larger);
    running_max = larger;
  }
  for (var i = first; i < end; i++) { y[i] = elem(exponential(f32(x[i]) - running_max) / denominator); }
}

// eˣ, and NaN of NaN: as in softmax.naive.wgsl.
fn exponential(x: f32) -> f32 {
  let is_nan = (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u;
  return select(exp(x), x, is_nan);
}
