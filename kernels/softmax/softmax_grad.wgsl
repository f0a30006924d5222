// Gradient of softmax: dx = y · (dy − Σ y · dy), row by row.
// Linked with row/subgroup.wgsl or row/tree.wgsl, and with a vector.

struct Params { rows: u32, vectors: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> y: array<vector>;             // [rows, vectors]
@group(0) @binding(2) var<storage, read> dy: array<vector>;            // [rows, vectors]
@group(0) @binding(3) var<storage, read_write> dx: array<result_vector>;   // [rows, vectors]

@compute @workgroup_size(WORKGROUP)
fn softmax_grad(lanes: Lanes) {
  let row = row_of(lanes);
  let base = min(row, params.rows - 1u) * params.vectors;   // lanes past the end follow the last row, so that all reach the sum
  let stride = row_lanes(lanes);
  var along = 0.0;
  for (var p = lanes.lane; p < params.vectors; p += stride) { along += sum_of(vector32(y[base + p]) * vector32(dy[base + p])); }
  let mean = row_sum(along, lanes);
  if (row >= params.rows) { return; }
  for (var p = lanes.lane; p < params.vectors; p += stride) { dx[base + p] = result_vector(vector32(y[base + p]) * (vector32(dy[base + p]) - mean)); }
}
