// Layer normalisation, gradient of the input. With x̂ = (x − mean) · rstd and g = dy · weight, over each row:
//   dx = rstd · (g − mean(g) − x̂ · mean(g · x̂))
// Linked with row/subgroup.wgsl or row/tree.wgsl, and with a pack. Both means come from one pass and one reduction.

struct Params { rows: u32, packs: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<pack>;             // [rows, packs]
@group(0) @binding(2) var<storage, read> weight: array<pack>;        // [packs]
@group(0) @binding(3) var<storage, read> mean: array<f32>;           // [rows]
@group(0) @binding(4) var<storage, read> rstd: array<f32>;           // [rows]
@group(0) @binding(5) var<storage, read> dy: array<pack>;            // [rows, packs]
@group(0) @binding(6) var<storage, read_write> dx: array<pack>;      // [rows, packs]

@compute @workgroup_size(WORKGROUP)
fn layernorm_grad(lanes: Lanes) {
  let row = row_of(lanes);
  let held = min(row, params.rows - 1u);   // lanes past the end follow the last row, so that all reach the sums
  let base = held * params.packs;
  let mu = mean[held];
  let scale = rstd[held];
  let stride = row_lanes(lanes);

  var sums = vec2f(0.0);
  for (var p = lanes.lane; p < params.packs; p += stride) {
    let g = pack32(dy[base + p]) * pack32(weight[p]);
    sums += vec2f(sum_of(g), sum_of(g * (pack32(x[base + p]) - mu) * scale));
  }
  let means = row_sum2(sums, lanes) / f32(params.packs * PACK);

  if (row >= params.rows) { return; }
  for (var p = lanes.lane; p < params.packs; p += stride) {
    let g = pack32(dy[base + p]) * pack32(weight[p]);
    let normed = (pack32(x[base + p]) - mu) * scale;
    dx[base + p] = pack(scale * (g - means.x - normed * means.y));
  }
}
