// Softmax over the last dimension: y = exp(x − max) / Σ exp(x − max), row by row.
// A row with NaN or +∞ is NaN, and so is one of −∞ alone. Linked with row/subgroup.wgsl or row/tree.wgsl, exp.wgsl and a vector.

struct Params { rows: u32, vectors: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vector>;             // [rows, vectors]
@group(0) @binding(2) var<storage, read_write> y: array<vector>;       // [rows, vectors]

const LEAST = -3.4028234e38;   // the smallest f32

// The built-in exp makes 0 of NaN on some adapters, and max has hidden it already.
fn exponential(p: vector32) -> vector32 { return vector_of(exp_of_four(vec4f(p))); }

@compute @workgroup_size(WORKGROUP)
fn softmax(lanes: Lanes) {
  let row = row_of(lanes);
  let base = min(row, params.rows - 1u) * params.vectors;   // lanes past the end follow the last row, so that all reach the sums
  let stride = row_lanes(lanes);
  var largest = LEAST;
  for (var p = lanes.lane; p < params.vectors; p += stride) { largest = max(largest, max_of(vector32(x[base + p]))); }
  let top = row_max(largest, lanes);
  var total = 0.0;
  for (var p = lanes.lane; p < params.vectors; p += stride) { total += sum_of(exponential(vector32(x[base + p]) - top)); }
  let sum = row_sum(total, lanes);
  if (row >= params.rows) { return; }
  for (var p = lanes.lane; p < params.vectors; p += stride) { y[base + p] = vector(exponential(vector32(x[base + p]) - top) / sum); }
}
