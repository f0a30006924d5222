// Layer normalisation of rows, several at once: formula, cut and links of layernorm.wgsl.
// New here: the same lanes have OWN_ROWS rows, one behind another, and a load of weight and bias serves all of these.
// Fewer lanes then have work. That pays on software adapters, where loads are what costs.
// Taken from layernorm.wgsl: each statement, here in a loop over rows.
//
// Constants: OWN_ROWS  rows of the same lanes

struct Params { rows: u32, cols: u32, eps: f32, tokens: u32 }   // tokens: of a sequence, for rows.appended.wgsl
struct Statistics { mean: f32, rstd: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(3) var<storage, read> weight: array<vector>;                  // [cols]
@group(0) @binding(4) var<storage, read> bias: array<vector>;                    // [cols]
@group(0) @binding(5) var<storage, read_write> y: array<vector>;                 // [rows, cols]
@group(0) @binding(6) var<storage, read_write> statistics: array<Statistics>;    // [rows], for the gradient

@compute @workgroup_size(WORKGROUP)
fn layernorm(lanes: Lanes) {
  let first = OWN_ROWS * row_of(lanes);
  let vectors = select(0u, params.cols / VECTOR, first < params.rows);
  let cols = f32(params.cols);
  var places: array<Place, OWN_ROWS>;   // a row past the last one is the last one again, and not written
  for (var r = 0u; r < OWN_ROWS; r++) { places[r] = place_of(min(first + r, params.rows - 1u)); }

  var sum: array<f32, OWN_ROWS>;
  for (var c = lanes.lane; c < vectors; c += row_lanes(lanes)) {
    for (var r = 0u; r < OWN_ROWS; r++) { sum[r] += sum_of(x_at(places[r], c)); }
  }
  var mean: array<f32, OWN_ROWS>;
  for (var r = 0u; r < OWN_ROWS; r++) { mean[r] = row_sum(sum[r], lanes) / cols; }

  var sums: array<vec2f, OWN_ROWS>;   // of d = x − mean, and of d²
  for (var c = lanes.lane; c < vectors; c += row_lanes(lanes)) {
    for (var r = 0u; r < OWN_ROWS; r++) {
      let d = x_at(places[r], c) - mean[r];
      sums[r] += vec2f(sum_of(d), sum_of(d * d));
    }
  }
  var correction: array<f32, OWN_ROWS>;
  var rstd: array<f32, OWN_ROWS>;
  for (var r = 0u; r < OWN_ROWS; r++) {
    let moments = row_sum2(sums[r], lanes) / cols;
    correction[r] = moments.x;
    let variance = max(moments.y - moments.x * moments.x, 0.0);
    rstd[r] = 1.0 / sqrt(variance + params.eps);
  }

  for (var c = lanes.lane; c < vectors; c += row_lanes(lanes)) {
    let w = vector32(weight[c]);
    let b = vector32(bias[c]);
    for (var r = 0u; r < OWN_ROWS; r++) {
      let normalized = (x_at(places[r], c) - mean[r] - correction[r]) * rstd[r];
      if (first + r < params.rows) { y[(first + r) * vectors + c] = vector(normalized * w + b); }
    }
  }
  for (var r = 0u; r < OWN_ROWS; r++) {
    if (lanes.lane == 0u && first + r < params.rows) {
      statistics[first + r] = Statistics(mean[r] + correction[r], rstd[r]);
    }
  }
}
