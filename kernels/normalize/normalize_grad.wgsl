// Gradient of L2 normalisation: the part of dy along y changes no direction and is taken out,
//   dx = (dy − y · (y · dy)) / ‖x‖
// Linked with row/subgroup.wgsl or row/tree.wgsl, and with a vector.

struct Params { rows: u32, vectors: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> y: array<vector>;              // [rows, vectors]
@group(0) @binding(2) var<storage, read> inverse: array<f32>;         // [rows], 1/‖x‖
@group(0) @binding(3) var<storage, read> dy: array<vector>;             // [rows, vectors]
@group(0) @binding(4) var<storage, read_write> dx: array<result_vector>;   // [rows, vectors]

@compute @workgroup_size(WORKGROUP)
fn normalize_grad(lanes: Lanes) {
  let row = row_of(lanes);
  let held = min(row, params.rows - 1u);   // lanes past the end follow the last row, so that all reach the sum
  let base = held * params.vectors;
  var along = 0.0;
  for (var p = lanes.lane; p < params.vectors; p += row_lanes(lanes)) { along += sum_of(vector32(y[base + p]) * vector32(dy[base + p])); }
  let total = row_sum(along, lanes);
  if (row >= params.rows) { return; }
  for (var p = lanes.lane; p < params.vectors; p += row_lanes(lanes)) {
    dx[base + p] = result_vector((vector32(dy[base + p]) - vector32(y[base + p]) * total) * inverse[held]);
  }
}
