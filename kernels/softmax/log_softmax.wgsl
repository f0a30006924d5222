// Logarithm of softmax over the last dimension: y = x − max − log Σ exp(x − max), row by row.
// Linked with row/subgroup.wgsl or row/tree.wgsl, and with a pack.

struct Params { rows: u32, packs: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<pack>;             // [rows, packs]
@group(0) @binding(2) var<storage, read_write> y: array<pack>;       // [rows, packs]

@compute @workgroup_size(WORKGROUP)
fn log_softmax(lanes: Lanes) {
  let row = row_of(lanes);
  let base = min(row, params.rows - 1u) * params.packs;   // lanes past the end follow the last row, so that all reach the sums
  let stride = row_lanes(lanes);
  var largest = -3.0e38;
  for (var p = lanes.lane; p < params.packs; p += stride) { largest = max(largest, max_of(pack32(x[base + p]))); }
  let top = row_max(largest, lanes);
  var total = 0.0;
  for (var p = lanes.lane; p < params.packs; p += stride) { total += sum_of(exp(pack32(x[base + p]) - top)); }
  let log_sum = log(row_sum(total, lanes));   // of a number of at least 1: the largest element adds exp(0)
  if (row >= params.rows) { return; }
  for (var p = lanes.lane; p < params.packs; p += stride) { y[base + p] = pack(pack32(x[base + p]) - top - log_sum); }
}
