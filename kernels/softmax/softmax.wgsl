// Softmax of rows: y = exp(x − m) / Σ exp(x − m), m the largest element of the row.
// New here: lanes share a row. Neighbours read neighbouring vectors, and `row_max` and `row_sum` bring together what
// each has found.
// Taken from softmax.naive.wgsl: three passes over a row, of which the second and third find it in a cache. A row with
// NaN or +∞ is NaN, and so is one of −∞ alone. Linked with ../shared/row/*.wgsl (the lanes of a row),
// ../shared/vector/*.wgsl (the elements of a load), ../shared/softmax.wgsl (`exp_of_vector`, LEAST) and
// ../shared/exp.wgsl.

struct Params { rows: u32, cols: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vector>;         // [rows, cols]
@group(0) @binding(2) var<storage, read_write> y: array<vector>;   // [rows, cols]

@compute @workgroup_size(WORKGROUP)
fn softmax(lanes: Lanes) {
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
  if (row >= params.rows) { return; }
  for (var i = lanes.lane; i < vectors; i += row_lanes(lanes)) {
    y[base + i] = vector(exp_of_vector(vector32(x[base + i]) - m) / denominator);
  }
}
