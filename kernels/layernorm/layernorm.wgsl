// Layer normalisation. Ba et al. 2016, arXiv:1607.06450, eq. 4.
//   y = (x − mean) · rstd · weight + bias,  rstd = 1/√(var + eps),  statistics over each row
// Two passes over x, because E[x²] − mean² loses every digit when |mean| ≫ std; the second pass also finds how far the
// rounded mean is off. Linked with rows.wgsl, row/*.wgsl (the lanes of a row and their sums) and pack/*.wgsl (elements per load).

struct Params { rows: u32, packs: u32, tokens: u32, eps: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(3) var<storage, read> weight: array<pack>;             // [packs]
@group(0) @binding(4) var<storage, read> bias: array<pack>;               // [packs]
@group(0) @binding(5) var<storage, read_write> y: array<pack>;            // [rows, packs]
@group(0) @binding(6) var<storage, read_write> statistics: array<vec2f>;  // [rows] of mean and rstd, for the gradient

@compute @workgroup_size(WORKGROUP)
fn layernorm(lanes: Lanes) {
  let row = row_of(lanes);
  let place = place_of(row);
  let packs = select(0u, params.packs, row < params.rows);
  let base = row * params.packs;
  let cols = f32(params.packs * PACK);

  var sum = 0.0;
  for (var c = lanes.lane; c < packs; c += row_lanes(lanes)) { sum += sum_of(x_at(place, c)); }
  let center = row_sum(sum, lanes) / cols;

  var deviations = vec2f();   // sums of d and d²
  for (var c = lanes.lane; c < packs; c += row_lanes(lanes)) {
    let d = x_at(place, c) - center;
    deviations += vec2f(sum_of(d), sum_of(d * d));
  }
  let moments = row_sum2(deviations, lanes) / cols;
  let offset = moments.x;                                    // mean − center: a few units in the last place
  let variance = max(moments.y - offset * offset, 0.0);      // offset² is far below the variance, so nothing cancels
  let scale = 1.0 / sqrt(variance + params.eps);             // inverseSqrt may be an estimate; these two are not

  for (var c = lanes.lane; c < packs; c += row_lanes(lanes)) {
    let d = x_at(place, c) - center;
    y[base + c] = pack((d - offset) * scale * pack32(weight[c]) + pack32(bias[c]));
  }
  if (lanes.lane == 0u && row < params.rows) { statistics[row] = vec2f(center + offset, scale); }
}
