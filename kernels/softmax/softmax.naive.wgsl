// Softmax of rows, as the formula says it: y = exp(x − m) / Σ exp(x − m), m the largest element of the row.
// exp(x) by itself overflows from 89 on. The factor exp(−m) stands above and below the line, and changes nothing else.
// The first rung: one lane per row, three passes over it, for m, for the denominator and for y. Linked with nothing.
//
// Constants: WORKGROUP  lanes of a workgroup

struct Params { rows: u32, cols: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<elem>;         // [rows, cols]
@group(0) @binding(2) var<storage, read_write> y: array<elem>;   // [rows, cols]

@compute @workgroup_size(WORKGROUP)
fn softmax(
  @builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let row = group_number(group, groups) * WORKGROUP + lane;
  if (row >= params.rows) { return; }
  let first = row * params.cols;
  let end = first + params.cols;

  var m = f32(x[first]);
  for (var i = first; i < end; i++) { m = max(m, f32(x[i])); }
  var denominator = 0.0;
  for (var i = first; i < end; i++) { denominator += exponential(f32(x[i]) - m); }
  for (var i = first; i < end; i++) { y[i] = elem(exponential(f32(x[i]) - m) / denominator); }
}

// eˣ. The built-in exp makes 0 of NaN on some adapters, so NaN, which its bits tell, is handed on.
fn exponential(x: f32) -> f32 {
  let is_nan = (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u;
  return select(exp(x), x, is_nan);
}
