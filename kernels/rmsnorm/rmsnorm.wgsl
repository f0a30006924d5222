// RMS normalisation of rows. Zhang & Sennrich 2019, arXiv:1910.07467, eq. 4.
//   y = x̂ · weight,  x̂ = x · rstd,  rstd = 1/√(mean(x²) + eps),  the mean over a row
// No mean is taken away, so nothing cancels, and one pass over a row finds all that the second one needs. Linked with
// ../shared/row/*.wgsl (the lanes of a row and their sums), ../shared/vector/*.wgsl (the elements of a load) and
// ../shared/special.wgsl.

struct Params { rows: u32, cols: u32, eps: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vector>;           // [rows, cols]
@group(0) @binding(2) var<storage, read> weight: array<vector>;      // [cols]
@group(0) @binding(3) var<storage, read_write> y: array<vector>;     // [rows, cols]
@group(0) @binding(4) var<storage, read_write> rstds: array<f32>;    // [rows], kept for the gradient

@compute @workgroup_size(WORKGROUP)
fn rmsnorm(lanes: Lanes) {
  let row = row_of(lanes);
  // a row past the last one is empty, but its lanes go along
  let vectors = select(0u, params.cols / VECTOR, row < params.rows);
  let base = row * vectors;

  var squares = 0.0;
  for (var c = lanes.lane; c < vectors; c += row_lanes(lanes)) {
    let v = vector32(x[base + c]);
    squares += sum_of(v * v);
  }
  let rstd = reciprocal_root(row_sum(squares, lanes) / f32(params.cols));
  for (var c = lanes.lane; c < vectors; c += row_lanes(lanes)) {
    let normalized = vector32(x[base + c]) * rstd;
    y[base + c] = vector(normalized * vector32(weight[c]));
  }
  if (lanes.lane == 0u && row < params.rows) { rstds[row] = rstd; }
}

// 1/√(mean + eps). A mean that f32 cannot hold is infinite, and would make the row 0 as if nothing had happened: it
// gives NaN.
fn reciprocal_root(mean: f32) -> f32 {
  if (is_infinite(vec4f(mean)).x) { return nan_of(vec4f(mean)).x; }
  return 1.0 / sqrt(mean + params.eps);   // inverseSqrt may be an estimate; these two are not
}
