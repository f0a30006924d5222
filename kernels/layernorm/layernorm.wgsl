// Layer normalisation of rows. Ba et al. 2016, arXiv:1607.06450, eq. 4.
//   y = x̂ · weight + bias,  x̂ = (x − mean) · rstd,  rstd = 1/√(var + eps),  var = mean((x − mean)²)
// New here: lanes share a row, in vectors, and their sums cross it. Taken from layernorm.naive.wgsl: two passes for the
// statistics, because mean(x²) − mean² loses every digit when |mean| ≫ √var, and the correction of a rounded mean.
// Linked with parts/rows.*.wgsl (which bind x, and know where a row lies), ../shared/row/*.wgsl (the lanes of a row and
// their sums) and ../shared/vector/*.wgsl (the elements of a load).

struct Params { rows: u32, cols: u32, eps: f32, tokens: u32 }   // tokens: of a sequence, for rows.appended.wgsl
struct Statistics { mean: f32, rstd: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(3) var<storage, read> weight: array<vector>;                  // [cols]
@group(0) @binding(4) var<storage, read> bias: array<vector>;                    // [cols]
@group(0) @binding(5) var<storage, read_write> y: array<vector>;                 // [rows, cols]
@group(0) @binding(6) var<storage, read_write> statistics: array<Statistics>;    // [rows], for the gradient

@compute @workgroup_size(WORKGROUP)
fn layernorm(lanes: Lanes) {
  let row = row_of(lanes);
  let place = place_of(min(row, params.rows - 1u));
  // a row past the last one is empty, but its lanes go along
  let vectors = select(0u, params.cols / VECTOR, row < params.rows);
  let cols = f32(params.cols);

  var sum = 0.0;
  for (var c = lanes.lane; c < vectors; c += row_lanes(lanes)) { sum += sum_of(x_at(place, c)); }
  let mean = row_sum(sum, lanes) / cols;

  var sums = vec2f();   // of d = x − mean, and of d²
  for (var c = lanes.lane; c < vectors; c += row_lanes(lanes)) {
    let d = x_at(place, c) - mean;
    sums += vec2f(sum_of(d), sum_of(d * d));
  }
  let moments = row_sum2(sums, lanes) / cols;
  let correction = moments.x;   // a few units in the last place of the mean
  // correction² is far less than moments.y, so nothing cancels
  let variance = max(moments.y - correction * correction, 0.0);
  // inverseSqrt may be an estimate; these two are not
  let rstd = 1.0 / sqrt(variance + params.eps);

  for (var c = lanes.lane; c < vectors; c += row_lanes(lanes)) {
    let normalized = (x_at(place, c) - mean - correction) * rstd;
    y[row * vectors + c] = vector(normalized * vector32(weight[c]) + vector32(bias[c]));
  }
  if (lanes.lane == 0u && row < params.rows) { statistics[row] = Statistics(mean + correction, rstd); }
}
