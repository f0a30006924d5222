// Layer normalisation of rows, as the formula says it. Ba et al. 2016, arXiv:1607.06450, eq. 4.
//   y = x̂ · weight + bias,  x̂ = (x − mean) · rstd,  rstd = 1/√(var + eps),  var = mean((x − mean)²)
// The first rung: one lane per row, three passes over it. The second also finds by how much rounding has put the mean
// off: that is the mean of x − mean, which without rounding is 0. Linked with nothing.
//
// Constants: WORKGROUP  lanes of a workgroup

struct Params { rows: u32, cols: u32, eps: f32 }
struct Statistics { mean: f32, rstd: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<elem>;                         // [rows, cols]
@group(0) @binding(2) var<storage, read> weight: array<elem>;                    // [cols]
@group(0) @binding(3) var<storage, read> bias: array<elem>;                      // [cols]
@group(0) @binding(4) var<storage, read_write> y: array<elem>;                   // [rows, cols]
@group(0) @binding(5) var<storage, read_write> statistics: array<Statistics>;    // [rows], for the gradient

@compute @workgroup_size(WORKGROUP)
fn layernorm(
  @builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let row = group_number(group, groups) * WORKGROUP + lane;
  if (row >= params.rows) { return; }
  let first = row * params.cols;
  let cols = f32(params.cols);

  var sum = 0.0;
  for (var c = 0u; c < params.cols; c++) { sum += f32(x[first + c]); }
  let mean = sum / cols;
  var sums = vec2f();   // of d = x − mean, and of d²
  for (var c = 0u; c < params.cols; c++) {
    let d = f32(x[first + c]) - mean;
    sums += vec2f(d, d * d);
  }
  let correction = sums.x / cols;
  let variance = max(sums.y / cols - correction * correction, 0.0);   // around the corrected mean
  let rstd = 1.0 / sqrt(variance + params.eps);

  for (var c = 0u; c < params.cols; c++) {
    let normalized = (f32(x[first + c]) - mean - correction) * rstd;
    y[first + c] = elem(normalized * f32(weight[c]) + f32(bias[c]));
  }
  statistics[row] = Statistics(mean + correction, rstd);
}
