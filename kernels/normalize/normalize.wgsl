// L2 normalisation of rows: y = x / ‖x‖₂. A row of zeros stays zero.
// A row whose norm is not finite is NaN. Linked with row/subgroup.wgsl or row/tree.wgsl, special.wgsl and a vector.

struct Params { rows: u32, vectors: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vector>;                  // [rows, vectors]
@group(0) @binding(2) var<storage, read_write> y: array<vector>;            // [rows, vectors]
@group(0) @binding(3) var<storage, read_write> inverse: array<f32>;       // [rows], 1/‖x‖, 0 for a row of zeros, NaN if that is not finite

@compute @workgroup_size(WORKGROUP)
fn normalize_rows(lanes: Lanes) {
  let row = row_of(lanes);
  let base = min(row, params.rows - 1u) * params.vectors;   // lanes past the end follow the last row, so that all reach the sum
  var squares = 0.0;
  for (var p = lanes.lane; p < params.vectors; p += row_lanes(lanes)) {
    let v = vector32(x[base + p]);
    squares += sum_of(v * v);
  }
  let total = row_sum(squares, lanes);
  var scale = select(0.0, 1.0 / sqrt(max(total, 1e-37)), total > 0.0);
  let known = vec4f(total);
  if ((is_nan(known) | is_infinite(known)).x) { scale = nan_of(known).x; }   // which the comparison and max hide
  if (row >= params.rows) { return; }
  for (var p = lanes.lane; p < params.vectors; p += row_lanes(lanes)) { y[base + p] = vector(vector32(x[base + p]) * scale); }
  if (lanes.lane == 0u) { inverse[row] = scale; }
}
