// Gradient of L2 normalisation: the part of dy along y changes no direction and is taken out,
//   dx = (dy − y · (y · dy)) / ‖x‖
// Linked with row/subgroup.wgsl or row/tree.wgsl, and with a pack.

struct Params { rows: u32, packs: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> y: array<pack>;              // [rows, packs]
@group(0) @binding(2) var<storage, read> inverse: array<f32>;         // [rows], 1/‖x‖
@group(0) @binding(3) var<storage, read> dy: array<pack>;             // [rows, packs]
@group(0) @binding(4) var<storage, read_write> dx: array<result_pack>;   // [rows, packs]

@compute @workgroup_size(WORKGROUP)
fn normalize_grad(lanes: Lanes) {
  let row = row_of(lanes);
  let held = min(row, params.rows - 1u);   // lanes past the end follow the last row, so that all reach the sum
  let base = held * params.packs;
  var along = 0.0;
  for (var p = lanes.lane; p < params.packs; p += row_lanes(lanes)) { along += sum_of(pack32(y[base + p]) * pack32(dy[base + p])); }
  let total = row_sum(along, lanes);
  if (row >= params.rows) { return; }
  for (var p = lanes.lane; p < params.packs; p += row_lanes(lanes)) {
    dx[base + p] = result_pack((pack32(dy[base + p]) - pack32(y[base + p]) * total) * inverse[held]);
  }
}
