// Gradient of the logarithm of softmax: dx = dy − exp(y) · Σ dy, row by row.
// Linked with row/subgroup.wgsl or row/tree.wgsl, exp.wgsl and a vector.

struct Params { rows: u32, vectors: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> y: array<vector>;             // [rows, vectors]
@group(0) @binding(2) var<storage, read> dy: array<vector>;            // [rows, vectors]
@group(0) @binding(3) var<storage, read_write> dx: array<result_vector>;   // [rows, vectors]

@compute @workgroup_size(WORKGROUP)
fn log_softmax_grad(lanes: Lanes) {
  let row = row_of(lanes);
  let base = min(row, params.rows - 1u) * params.vectors;   // lanes past the end follow the last row, so that all reach the sum
  let stride = row_lanes(lanes);
  var total = 0.0;
  for (var p = lanes.lane; p < params.vectors; p += stride) { total += sum_of(vector32(dy[base + p])); }
  let sum = row_sum(total, lanes);
  if (row >= params.rows) { return; }
  for (var p = lanes.lane; p < params.vectors; p += stride) { dx[base + p] = result_vector(vector32(dy[base + p]) - vector_of(exp_of_four(vec4f(vector32(y[base + p])))) * sum); }
}
