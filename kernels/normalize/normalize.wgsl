// L2 normalisation of rows: y = x / ‖x‖₂. A row of zeros stays zero; one whose norm is not finite is NaN.
// Linked with ../shared/row/*.wgsl (the lanes of a row and their sums), ../shared/vector/*.wgsl (the elements of a
// load) and ../shared/special.wgsl.

struct Params { rows: u32, cols: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vector>;                   // [rows, cols]
@group(0) @binding(2) var<storage, read_write> y: array<vector>;             // [rows, cols]
@group(0) @binding(3) var<storage, read_write> inverse_norms: array<f32>;    // [rows], 1/‖x‖: 0 for zeros, or NaN

@compute @workgroup_size(WORKGROUP)
fn normalize(lanes: Lanes) {
  let row = row_of(lanes);
  let vectors = params.cols / VECTOR;
  // lanes past the end follow the last row, so that all reach the sum
  let base = min(row, params.rows - 1u) * vectors;

  var sum = 0.0;
  for (var i = lanes.lane; i < vectors; i += row_lanes(lanes)) {
    let v = vector32(x[base + i]);
    sum += sum_of(v * v);
  }
  let squares = row_sum(sum, lanes);   // ‖x‖²
  var inverse_norm = select(0.0, 1.0 / sqrt(max(squares, 1e-37)), squares > 0.0);
  let known = vec4f(squares);
  if ((is_nan(known) | is_infinite(known)).x) { inverse_norm = nan_of(known).x; }   // which the comparison and max hide
  if (row >= params.rows) { return; }
  for (var i = lanes.lane; i < vectors; i += row_lanes(lanes)) {
    y[base + i] = vector(vector32(x[base + i]) * inverse_norm);
  }
  if (lanes.lane == 0u) { inverse_norms[row] = inverse_norm; }
}
