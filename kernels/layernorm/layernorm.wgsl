// Layer normalisation. Ba et al. 2016, arXiv:1607.06450, eq. 4.
//   y = (x − mean) · rstd · weight + bias,  rstd = 1/√(var + eps),  statistics over each row
// Two passes over x, because E[x²] − mean² loses every digit when |mean| ≫ std; the second pass also finds how far the
// rounded mean is off. The same lanes work on OWN rows at once, so that a load of weight and bias serves all of these.
// Linked with rows.wgsl, row/*.wgsl (the lanes of a row and their sums) and vector/*.wgsl (elements per load).

struct Params { rows: u32, vectors: u32, tokens: u32, eps: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(3) var<storage, read> weight: array<vector>;             // [vectors]
@group(0) @binding(4) var<storage, read> bias: array<vector>;               // [vectors]
@group(0) @binding(5) var<storage, read_write> y: array<vector>;            // [rows, vectors]
@group(0) @binding(6) var<storage, read_write> statistics: array<vec2f>;  // [rows] of mean and rstd, for the gradient

@compute @workgroup_size(WORKGROUP)
fn layernorm(lanes: Lanes) {
  let first = OWN * row_of(lanes);
  let vectors = select(0u, params.vectors, first < params.rows);
  let cols = f32(params.vectors * VECTOR);
  var places: array<Place, OWN>;
  for (var r = 0u; r < OWN; r++) { places[r] = place_of(min(first + r, params.rows - 1u)); }   // surplus rows are the last one again, and not written

  var sums: array<f32, OWN>;
  for (var c = lanes.lane; c < vectors; c += row_lanes(lanes)) {
    for (var r = 0u; r < OWN; r++) { sums[r] += sum_of(x_at(places[r], c)); }
  }
  var centers: array<f32, OWN>;
  for (var r = 0u; r < OWN; r++) { centers[r] = row_sum(sums[r], lanes) / cols; }

  var deviations: array<vec2f, OWN>;   // sums of d and d²
  for (var c = lanes.lane; c < vectors; c += row_lanes(lanes)) {
    for (var r = 0u; r < OWN; r++) {
      let d = x_at(places[r], c) - centers[r];
      deviations[r] += vec2f(sum_of(d), sum_of(d * d));
    }
  }
  var offsets: array<f32, OWN>;   // mean − center: a few units in the last place
  var scales: array<f32, OWN>;
  for (var r = 0u; r < OWN; r++) {
    let moments = row_sum2(deviations[r], lanes) / cols;
    offsets[r] = moments.x;
    let variance = max(moments.y - moments.x * moments.x, 0.0);   // offset² is far below the variance, so nothing cancels
    scales[r] = 1.0 / sqrt(variance + params.eps);                // inverseSqrt may be an estimate; these two are not
  }

  for (var c = lanes.lane; c < vectors; c += row_lanes(lanes)) {
    let w = vector32(weight[c]);
    let b = vector32(bias[c]);
    for (var r = 0u; r < OWN; r++) {
      let d = x_at(places[r], c) - centers[r];
      if (first + r < params.rows) { y[(first + r) * params.vectors + c] = vector((d - offsets[r]) * scales[r] * w + b); }
    }
  }
  for (var r = 0u; r < OWN; r++) {
    if (lanes.lane == 0u && first + r < params.rows) { statistics[first + r] = vec2f(centers[r] + offsets[r], scales[r]); }
  }
}
