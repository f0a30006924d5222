// Sum over the last dimension, times a factor: y[row] = factor · Σ_c x[row, c].
// Linked with row/subgroup.wgsl or row/tree.wgsl: the lanes of a row share it. The order of the sum is fixed.

struct Params { rows: u32, packs: u32, factor: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<pack>;         // [rows, packs]
@group(0) @binding(2) var<storage, read_write> y: array<elem>;   // [rows]

@compute @workgroup_size(WORKGROUP)
fn reduce_rows(lanes: Lanes) {
  let row = row_of(lanes);
  let base = min(row, params.rows - 1u) * params.packs;   // lanes past the end follow the last row, so that all reach the sum
  var total = 0.0;
  for (var p = lanes.lane; p < params.packs; p += row_lanes(lanes)) { total += sum_of(pack32(x[base + p])); }
  let sum = row_sum(total, lanes);
  if (row < params.rows && lanes.lane == 0u) { y[row] = elem(params.factor * sum); }
}
