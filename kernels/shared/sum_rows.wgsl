// Sums of rows, times a factor: y[row] = factor · Σ_c x[row, c]. The last row may be shorter than the others.
// Linked with row/*.wgsl: the lanes of a row share it, each a strided part, so the order of the sum is fixed; and with a pack.

struct Params { rows: u32, packs: u32, total: u32, factor: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<pack>;         // [rows, packs], cut off after `total` packs
@group(0) @binding(2) var<storage, read_write> y: array<result>; // [rows]

@compute @workgroup_size(WORKGROUP)
fn sum_rows(lanes: Lanes) {
  let row = row_of(lanes);
  let base = row * params.packs;
  let end = select(base, min(base + params.packs, params.total), row < params.rows);   // rows past the last one are empty
  var sum = 0.0;
  for (var i = base + lanes.lane; i < end; i += row_lanes(lanes)) { sum += sum_of(pack32(x[i])); }
  let total = row_sum(sum, lanes);
  if (row < params.rows && lanes.lane == 0u) { y[row] = result(params.factor * total); }
}
