// Gradient of layer normalisation, as the formula says it. With x̂ = (x − mean) · rstd and g = dy · weight,
//   dx = rstd · (g − mean(g) − x̂ · delta) + what x got so far,  delta = mean(g · x̂),  means over a row
//   dweight = Σ dy · x̂,  dbias = Σ dy,  over the rows of a split; layernorm_grad_totals.wgsl adds the splits up
// A split is some of the rows, one behind another. The first rung: some workgroups have a row for each lane, others a
// column of a split for each lane. Linked with nothing.
//
// Constants: WORKGROUP  lanes of a workgroup
//            SO_FAR     whether x has a gradient already, which is added

struct Params {
  rows: u32, cols: u32,
  row_groups: u32,      // workgroups that have the rows of a split; none where nobody wants dx
  column_groups: u32,   // workgroups that follow them with sums of its columns; none where nobody wants those
  split_rows: u32,      // rows of a split
  first_split: u32,     // number of the first of them, where rows come in several dispatches
}
struct Statistics { mean: f32, rstd: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<elem>;                    // [rows, cols]
@group(0) @binding(2) var<storage, read> dy: array<elem>;                   // [rows, cols]
@group(0) @binding(3) var<storage, read> weight: array<elem>;               // [cols]
@group(0) @binding(4) var<storage, read> statistics: array<Statistics>;     // [rows]
@group(0) @binding(5) var<storage, read> so_far: array<elem>;               // [rows, cols]; anything unless SO_FAR
@group(0) @binding(6) var<storage, read_write> dx: array<result>;           // [rows, cols]
@group(0) @binding(7) var<storage, read_write> partials: array<f32>;        // [splits, 2, cols]: Σ dy · x̂ and Σ dy

@compute @workgroup_size(WORKGROUP)
fn layernorm_grad(
  @builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let split = group_number(group, groups) / (params.row_groups + params.column_groups);
  let place = group_number(group, groups) % (params.row_groups + params.column_groups);
  if (place < params.row_groups) { gradient_of_row((split * params.row_groups + place) * WORKGROUP + lane); }
  else { sum_column(split, (place - params.row_groups) * WORKGROUP + lane); }
}

fn gradient_of_row(row: u32) {
  if (row >= params.rows) { return; }
  let first = row * params.cols;
  let known = statistics[row];
  var sums = vec2f();   // of g, and of g · x̂
  for (var c = 0u; c < params.cols; c++) {
    let g = f32(dy[first + c]) * f32(weight[c]);
    sums += vec2f(g, g * (f32(x[first + c]) - known.mean) * known.rstd);
  }
  let mean_g = sums.x / f32(params.cols);
  let delta = sums.y / f32(params.cols);
  for (var c = 0u; c < params.cols; c++) {
    let g = f32(dy[first + c]) * f32(weight[c]);
    let normalized = (f32(x[first + c]) - known.mean) * known.rstd;
    var d = known.rstd * (g - mean_g - normalized * delta);
    if (SO_FAR) { d += f32(so_far[first + c]); }
    dx[first + c] = result(d);
  }
}

fn sum_column(split: u32, c: u32) {
  let first = split * params.split_rows;
  if (first >= params.rows || c >= params.cols) { return; }
  var dweight = 0.0;
  var dbias = 0.0;
  for (var row = first; row < min(first + params.split_rows, params.rows); row++) {
    let i = row * params.cols + c;
    dweight += f32(dy[i]) * (f32(x[i]) - statistics[row].mean) * statistics[row].rstd;
    dbias += f32(dy[i]);
  }
  let start = 2u * (params.first_split + split) * params.cols;
  partials[start + c] = dweight;
  partials[start + params.cols + c] = dbias;
}
