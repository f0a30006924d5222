// Gradient of RMS normalisation. With x̂ = x · rstd and g = dy · weight,
//   dx = rstd · (g − x̂ · delta) + what x got so far,  delta = mean(g · x̂),  the mean over a row
//   dweight = Σ dy · x̂,  over the rows of a split; the splits are added up afterwards, first to last
// Both jobs are one dispatch. Rows that do not fit a binding come in several dispatches, each of whole splits. Linked
// with ../shared/row/*.wgsl, among them jobs.wgsl (who has a row and who a column), and ../shared/vector/*.wgsl.
//
// Constants: SO_FAR  whether x has a gradient already, which is added

struct Params {
  rows: u32, cols: u32,
  row_groups: u32,      // workgroups that have the rows of a split; none where nobody wants dx
  column_groups: u32,   // workgroups that follow them with sums of its columns; none where nobody wants those
  split_rows: u32,      // rows of a split
  first_split: u32,     // number of the first of them, where rows come in several dispatches
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vector>;                  // [rows, cols]
@group(0) @binding(2) var<storage, read> dy: array<vector>;                 // [rows, cols]
@group(0) @binding(3) var<storage, read> weight: array<vector>;             // [cols]
@group(0) @binding(4) var<storage, read> rstds: array<f32>;                 // [rows]
@group(0) @binding(5) var<storage, read> so_far: array<vector>;             // [rows, cols]; anything unless SO_FAR
@group(0) @binding(6) var<storage, read_write> dx: array<result_vector>;    // [rows, cols]
@group(0) @binding(7) var<storage, read_write> partials: array<vector32>;   // [splits, cols]: Σ dy · x̂

@compute @workgroup_size(WORKGROUP)
fn rmsnorm_grad(lanes: Lanes) {
  let job = job_of(lanes, params.row_groups, params.column_groups);
  gradient_of_row(job.row, lanes);   // all lanes go, because all must reach the sum
  sum_columns(job.split, job.column);
}

fn gradient_of_row(row: u32, lanes: Lanes) {
  let vectors = select(0u, params.cols / VECTOR, row < params.rows);   // a row past the last one is empty
  let base = row * vectors;
  let rstd = rstds[min(row, params.rows - 1u)];

  var sum = 0.0;   // of g · x̂
  for (var c = lanes.lane; c < vectors; c += row_lanes(lanes)) {
    sum += sum_of(vector32(dy[base + c]) * vector32(weight[c]) * vector32(x[base + c]) * rstd);
  }
  let delta = row_sum(sum, lanes) / f32(params.cols);
  for (var c = lanes.lane; c < vectors; c += row_lanes(lanes)) {
    let g = vector32(dy[base + c]) * vector32(weight[c]);
    let normalized = vector32(x[base + c]) * rstd;
    var d = rstd * (g - normalized * delta);
    if (SO_FAR) { d += vector32(so_far[base + c]); }
    dx[base + c] = result_vector(d);
  }
}

// Vector c of the columns of a split, down its rows; neighbouring lanes read neighbouring columns. The splits depend on
// the shape alone, so the order of every sum is fixed, and no atomics are needed.
fn sum_columns(split: u32, c: u32) {
  let vectors = params.cols / VECTOR;
  let first = split * params.split_rows;
  if (first >= params.rows || c >= vectors) { return; }
  var sum = vector32();
  for (var row = first; row < min(first + params.split_rows, params.rows); row++) {
    let i = row * vectors + c;
    sum += vector32(dy[i]) * vector32(x[i]) * rstds[row];
  }
  partials[(params.first_split + split) * vectors + c] = sum;
}
