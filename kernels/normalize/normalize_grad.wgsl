// Gradient of L2 normalisation: the part of dy along y changes no direction and is taken out,
//   dx = (dy − y · delta) / ‖x‖,  delta = Σ y · dy over the row
// Linked with ../shared/row/*.wgsl and ../shared/vector/*.wgsl.

struct Params { rows: u32, cols: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> y: array<vector>;                 // [rows, cols]
@group(0) @binding(2) var<storage, read> inverse_norms: array<f32>;        // [rows], 1/‖x‖
@group(0) @binding(3) var<storage, read> dy: array<vector>;                // [rows, cols]
@group(0) @binding(4) var<storage, read_write> dx: array<result_vector>;   // [rows, cols]

@compute @workgroup_size(WORKGROUP)
fn normalize_grad(lanes: Lanes) {
  let row = row_of(lanes);
  let vectors = params.cols / VECTOR;
  let held = min(row, params.rows - 1u);   // lanes past the end follow the last row, so that all reach the sum
  let base = held * vectors;

  var sum = 0.0;
  for (var i = lanes.lane; i < vectors; i += row_lanes(lanes)) {
    sum += sum_of(vector32(y[base + i]) * vector32(dy[base + i]));
  }
  let delta = row_sum(sum, lanes);
  if (row >= params.rows) { return; }
  for (var i = lanes.lane; i < vectors; i += row_lanes(lanes)) {
    dx[base + i] = result_vector((vector32(dy[base + i]) - vector32(y[base + i]) * delta) * inverse_norms[held]);
  }
}
