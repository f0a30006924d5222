// Layer normalisation, forward. Ba et al. 2016, arXiv:1607.06450, eq. 4.
//   y = (x − mean) · rstd · weight + bias,  rstd = 1/√(var + eps),  statistics over each row
// Linked with row/subgroup.wgsl (a row per subgroup) or row/tree.wgsl (a row per workgroup), and with a pack.
// Two passes over x, so that the variance never cancels; the second pass finds the row in the cache.

struct Params { rows: u32, packs: u32, eps: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<pack>;             // [rows, packs]
@group(0) @binding(2) var<storage, read> weight: array<pack>;        // [packs]
@group(0) @binding(3) var<storage, read> bias: array<pack>;          // [packs]
@group(0) @binding(4) var<storage, read_write> y: array<pack>;       // [rows, packs]
@group(0) @binding(5) var<storage, read_write> mean: array<f32>;     // [rows], kept for the backward pass
@group(0) @binding(6) var<storage, read_write> rstd: array<f32>;     // [rows], kept for the backward pass

@compute @workgroup_size(WORKGROUP)
fn layernorm(lanes: Lanes) {
  let row = row_of(lanes);
  let base = min(row, params.rows - 1u) * params.packs;   // lanes past the end follow the last row, so that all reach the sums
  let n = f32(params.packs * PACK);
  let stride = row_lanes(lanes);

  var total = 0.0;
  for (var p = lanes.lane; p < params.packs; p += stride) { total += sum_of(pack32(x[base + p])); }
  let mu = row_sum(total, lanes) / n;

  var squares = 0.0;
  for (var p = lanes.lane; p < params.packs; p += stride) {
    let centred = pack32(x[base + p]) - mu;
    squares += sum_of(centred * centred);
  }
  let scale = inverseSqrt(row_sum(squares, lanes) / n + params.eps);

  if (row >= params.rows) { return; }
  for (var p = lanes.lane; p < params.packs; p += stride) {
    y[base + p] = pack((pack32(x[base + p]) - mu) * scale * pack32(weight[p]) + pack32(bias[p]));
  }
  if (lanes.lane == 0u) {
    mean[row] = mu;
    rstd[row] = scale;
  }
}
