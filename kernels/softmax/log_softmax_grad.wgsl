// Gradient of the logarithm of softmax: dx = dy − exp(y) · Σ dy, row by row; exp(y) is the softmax.
// Cut and linked as softmax.wgsl; only Σ dy must be known beforehand.

struct Params { rows: u32, cols: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> y: array<vector>;                 // [rows, cols]
@group(0) @binding(2) var<storage, read> dy: array<vector>;                // [rows, cols]
@group(0) @binding(3) var<storage, read_write> dx: array<result_vector>;   // [rows, cols]

@compute @workgroup_size(WORKGROUP)
fn log_softmax_grad(lanes: Lanes) {
  let row = row_of(lanes);
  let vectors = params.cols / VECTOR;
  // lanes past the end follow the last row, so that all reach the sum
  let base = min(row, params.rows - 1u) * vectors;

  var own = 0.0;
  for (var i = lanes.lane; i < vectors; i += row_lanes(lanes)) { own += sum_of(vector32(dy[base + i])); }
  let sum = row_sum(own, lanes);
  if (row >= params.rows) { return; }
  for (var i = lanes.lane; i < vectors; i += row_lanes(lanes)) {
    dx[base + i] = result_vector(vector32(dy[base + i]) - exp_of_vector(vector32(y[base + i])) * sum);
  }
}
