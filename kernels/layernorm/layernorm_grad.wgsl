// Gradient of layer normalisation. With x̂ = (x − mean) · rstd and g = dy · weight,
//   dx = rstd · (g − mean(g) − x̂ · delta) + what x got so far,  delta = mean(g · x̂),  means over a row
//   dweight = Σ dy · x̂,  dbias = Σ dy,  over the rows of a split; layernorm_grad_totals.wgsl adds the splits up
// New here: lanes share a row, and a lane sums a vector of columns.
// Taken from layernorm_grad.naive.wgsl: two jobs in one dispatch, some workgroups with rows and some with columns.
// Linked with parts/rows.*.wgsl and parts/grads.*.wgsl (where a row lies, and where its gradient goes),
// ../shared/row/*.wgsl, among them jobs.wgsl (who has a row and who a column), and ../shared/vector/*.wgsl.

struct Params {
  rows: u32, cols: u32,
  row_groups: u32,      // workgroups that have the rows of a split; none where nobody wants dx
  column_groups: u32,   // workgroups that follow them with sums of its columns; none where nobody wants those
  split_rows: u32,      // rows of a split
  first_split: u32,     // number of the first of them, where rows come in several dispatches
  tokens: u32,          // of a sequence, for rows.appended.wgsl
  appended_at: u32,     // for grads.appended.wgsl
}
struct Statistics { mean: f32, rstd: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(3) var<storage, read> dy: array<vector>;                 // [rows, cols]
@group(0) @binding(4) var<storage, read> weight: array<vector>;             // [cols]
@group(0) @binding(5) var<storage, read> statistics: array<Statistics>;     // [rows]
@group(0) @binding(8) var<storage, read_write> partials: array<vector32>;   // [splits, 2, cols]: Σ dy · x̂ and Σ dy

@compute @workgroup_size(WORKGROUP)
fn layernorm_grad(lanes: Lanes) {
  let job = job_of(lanes, params.row_groups, params.column_groups);
  gradient_of_row(job.row, lanes);   // all lanes go, because all must reach the sums
  sum_columns(job.split, job.column);
}

fn gradient_of_row(row: u32, lanes: Lanes) {
  let place = place_of(row);
  let vectors = select(0u, params.cols / VECTOR, row < params.rows);   // a row past the last one is empty
  let base = row * vectors;
  let known = statistics[min(row, params.rows - 1u)];

  var sums = vec2f();   // of g, and of g · x̂
  for (var c = lanes.lane; c < vectors; c += row_lanes(lanes)) {
    let g = vector32(dy[base + c]) * vector32(weight[c]);
    sums += vec2f(sum_of(g), sum_of(g * (x_at(place, c) - known.mean) * known.rstd));
  }
  let means = row_sum2(sums, lanes) / f32(params.cols);
  let mean_g = means.x;
  let delta = means.y;

  for (var c = lanes.lane; c < vectors; c += row_lanes(lanes)) {
    let g = vector32(dy[base + c]) * vector32(weight[c]);
    let normalized = (x_at(place, c) - known.mean) * known.rstd;
    store_gradient(place, c, known.rstd * (g - mean_g - normalized * delta));
  }
}

// Vector c of the columns of a split, down its rows; neighbouring lanes read neighbouring columns. The splits depend on
// the shape alone, so the order of every sum is fixed, and no atomics are needed.
fn sum_columns(split: u32, c: u32) {
  let vectors = params.cols / VECTOR;
  let first = split * params.split_rows;
  if (first >= params.rows || c >= vectors) { return; }
  var dweight = vector32();
  var dbias = vector32();
  for (var row = first; row < min(first + params.split_rows, params.rows); row++) {
    let g = vector32(dy[row * vectors + c]);
    let known = statistics[row];
    dweight += g * (x_at(place_of(row), c) - known.mean) * known.rstd;
    dbias += g;
  }
  let start = 2u * (params.first_split + split) * vectors;
  partials[start + c] = dweight;
  partials[start + vectors + c] = dbias;
}
