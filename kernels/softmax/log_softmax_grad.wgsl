// Gradient of the logarithm of softmax: dx = dy − exp(y) · Σ dy, row by row.
// Linked with row/subgroup.wgsl or row/tree.wgsl, exp.wgsl and a pack.

struct Params { rows: u32, packs: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> y: array<pack>;             // [rows, packs]
@group(0) @binding(2) var<storage, read> dy: array<pack>;            // [rows, packs]
@group(0) @binding(3) var<storage, read_write> dx: array<result_pack>;   // [rows, packs]

@compute @workgroup_size(WORKGROUP)
fn log_softmax_grad(lanes: Lanes) {
  let row = row_of(lanes);
  let base = min(row, params.rows - 1u) * params.packs;   // lanes past the end follow the last row, so that all reach the sum
  let stride = row_lanes(lanes);
  var total = 0.0;
  for (var p = lanes.lane; p < params.packs; p += stride) { total += sum_of(pack32(dy[base + p])); }
  let sum = row_sum(total, lanes);
  if (row >= params.rows) { return; }
  for (var p = lanes.lane; p < params.packs; p += stride) { dx[base + p] = result_pack(pack32(dy[base + p]) - pack_of(exp_of_four(vec4f(pack32(y[base + p])))) * sum); }
}
