// Gradient of softmax: dx = y · (dy − delta), delta = Σ y · dy over the row.
// New here: lanes share a row, as in softmax.wgsl. Taken from softmax_grad.naive.wgsl: two passes over it.
// Linked with ../shared/row/*.wgsl (the lanes of a row) and ../shared/vector/*.wgsl (the elements of a load).

struct Params { rows: u32, cols: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> y: array<vector>;                 // [rows, cols]
@group(0) @binding(2) var<storage, read> dy: array<vector>;                // [rows, cols]
@group(0) @binding(3) var<storage, read_write> dx: array<result_vector>;   // [rows, cols]

@compute @workgroup_size(WORKGROUP)
fn softmax_grad(lanes: Lanes) {
  let row = row_of(lanes);
  let vectors = params.cols / VECTOR;
  // lanes past the end follow the last row, so that all reach the sum
  let base = min(row, params.rows - 1u) * vectors;

  var sum = 0.0;
  for (var i = lanes.lane; i < vectors; i += row_lanes(lanes)) {
    sum += sum_of(vector32(y[base + i]) * vector32(dy[base + i]));
  }
  let delta = row_sum(sum, lanes);
  if (row >= params.rows) { return; }
  for (var i = lanes.lane; i < vectors; i += row_lanes(lanes)) {
    dx[base + i] = result_vector(vector32(y[base + i]) * (vector32(dy[base + i]) - delta));
  }
}
