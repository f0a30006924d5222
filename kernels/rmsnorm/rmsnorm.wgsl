// RMS normalisation. Zhang & Sennrich 2019, arXiv:1910.07467, eq. 4.
//   y = x · rstd · weight,  rstd = 1/√(mean(x²) + eps),  the mean over each row
// No mean is taken away, so nothing cancels, and one pass over a row finds all that the second one needs. Linked with row/*.wgsl (the
// lanes of a row and their sums), vector/*.wgsl (elements per load) and special.wgsl.

struct Params { rows: u32, vectors: u32, eps: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vector>;             // [rows, vectors]
@group(0) @binding(2) var<storage, read> weight: array<vector>;        // [vectors]
@group(0) @binding(3) var<storage, read_write> y: array<vector>;       // [rows, vectors]
@group(0) @binding(4) var<storage, read_write> rstd: array<f32>;     // [rows], kept for the gradient

@compute @workgroup_size(WORKGROUP)
fn rmsnorm(lanes: Lanes) {
  let row = row_of(lanes);
  let base = row * params.vectors;
  let vectors = select(0u, params.vectors, row < params.rows);   // rows past the last one are empty, but their lanes go with the others
  var squares = 0.0;
  for (var c = lanes.lane; c < vectors; c += row_lanes(lanes)) {
    let v = vector32(x[base + c]);
    squares += sum_of(v * v);
  }
  let scale = reciprocal_root(row_sum(squares, lanes) / f32(params.vectors * VECTOR));
  for (var c = lanes.lane; c < vectors; c += row_lanes(lanes)) { y[base + c] = vector(vector32(x[base + c]) * scale * vector32(weight[c])); }
  if (lanes.lane == 0u && row < params.rows) { rstd[row] = scale; }
}

// 1/√(mean + eps). A mean that f32 cannot hold is infinite, and would make the row 0 as if nothing had happened: it gives NaN.
fn reciprocal_root(mean: f32) -> f32 {
  if (is_infinite(vec4f(mean)).x) { return nan_of(vec4f(mean)).x; }
  return 1.0 / sqrt(mean + params.eps);   // inverseSqrt may be an estimate; these two are not
}
