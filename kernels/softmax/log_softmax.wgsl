// Logarithm of softmax of rows: y = x − m − log Σ exp(x − m), m the largest element of the row. Its own formula,
// because the logarithm of a probability is −∞ once that is rounded to 0, and near 1 has few digits left. A row with
// NaN or +∞ is NaN, and so is one of −∞ alone. Cut and linked as softmax.wgsl, and with ../shared/log.wgsl and
// ../shared/special.wgsl.

struct Params { rows: u32, cols: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vector>;         // [rows, cols]
@group(0) @binding(2) var<storage, read_write> y: array<vector>;   // [rows, cols]

@compute @workgroup_size(WORKGROUP)
fn log_softmax(lanes: Lanes) {
  let row = row_of(lanes);
  let vectors = params.cols / VECTOR;
  // lanes past the end follow the last row, so that all reach the sums
  let base = min(row, params.rows - 1u) * vectors;

  var largest = LEAST;   // of this lane's elements
  for (var i = lanes.lane; i < vectors; i += row_lanes(lanes)) {
    largest = max(largest, max_of(vector32(x[base + i])));
  }
  let m = row_max(largest, lanes);
  var sum = 0.0;
  for (var i = lanes.lane; i < vectors; i += row_lanes(lanes)) {
    sum += sum_of(exp_of_vector(vector32(x[base + i]) - m));
  }
  let denominator = row_sum(sum, lanes);
  // of a number of at least 1: the largest element adds exp(0)
  let log_denominator = log_of_four(vec4f(denominator)).x;
  if (row >= params.rows) { return; }
  for (var i = lanes.lane; i < vectors; i += row_lanes(lanes)) {
    y[base + i] = vector(vector32(x[base + i]) - m - log_denominator);
  }
}
