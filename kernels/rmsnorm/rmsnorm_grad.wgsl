// Gradient of RMS normalisation. With x̂ = x · rstd and g = dy · weight,
//   dx = rstd · (g − x̂ · mean(g · x̂)) + what x got so far,  the mean over each row
//   dweight = Σ dy · x̂,  over all rows
// Two jobs in one dispatch, because neither waits for the other: some workgroups have rows of dx, others sums of columns over bands of
// rows, which are added up afterwards. They alternate, so that a band is still in a cache when it is read again. Rows that do not fit a
// binding come in several dispatches, each of whole bands. Linked with row/*.wgsl and vector/*.wgsl.

struct Params {
  rows: u32, vectors: u32,
  wanted: u32,                // rows of dx: all or none
  row_groups: u32,            // workgroups that have rows of a band
  column_groups: u32,         // workgroups that follow them with sums of its columns
  band: u32,                  // rows of a band
  first_band: u32,            // of this dispatch
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vector>;                  // [rows, vectors]
@group(0) @binding(2) var<storage, read> dy: array<vector>;                 // [rows, vectors]
@group(0) @binding(3) var<storage, read> weight: array<vector>;             // [vectors]
@group(0) @binding(4) var<storage, read> rstd: array<f32>;                // [rows]
@group(0) @binding(5) var<storage, read> so_far: array<vector>;             // [rows, vectors]; anything unless SO_FAR
@group(0) @binding(6) var<storage, read_write> dx: array<result_vector>;    // [rows, vectors]
@group(0) @binding(7) var<storage, read_write> partials: array<vector32>;   // [bands, vectors]: Σ dy · x̂

@compute @workgroup_size(WORKGROUP)
fn rmsnorm_grad(lanes: Lanes) {
  let groups = params.row_groups + params.column_groups;
  let band = group_of(lanes) / groups;
  let place = group_of(lanes) % groups;
  let has_rows = place < params.row_groups;
  let row = row_of_group(band * params.row_groups + place, lanes);
  gradient_of_row(select(params.rows, row, has_rows), lanes);   // all lanes go, because all must reach the sum
  if (!has_rows) { sum_band(band, (place - params.row_groups) * WORKGROUP + index_of(lanes)); }
}

fn gradient_of_row(row: u32, lanes: Lanes) {
  let vectors = select(0u, params.vectors, row < params.wanted);
  let base = row * params.vectors;
  let scale = rstd[min(row, params.rows - 1u)];
  var along = 0.0;   // Σ g · x̂
  for (var c = lanes.lane; c < vectors; c += row_lanes(lanes)) {
    along += sum_of(vector32(dy[base + c]) * vector32(weight[c]) * vector32(x[base + c]) * scale);
  }
  let mean = row_sum(along, lanes) / f32(params.vectors * VECTOR);
  for (var c = lanes.lane; c < vectors; c += row_lanes(lanes)) {
    var d = scale * (vector32(dy[base + c]) * vector32(weight[c]) - vector32(x[base + c]) * scale * mean);
    if (SO_FAR) { d += vector32(so_far[base + c]); }
    dx[base + c] = result_vector(d);
  }
}

// Column vector c of a band, down its rows; neighbouring lanes read neighbouring columns. The bands depend on the shape alone, so the
// order of every sum is fixed, and no atomics are needed.
fn sum_band(band: u32, c: u32) {
  if (c >= params.vectors) { return; }
  var sum = vector32();
  let end = min((band + 1u) * params.band, params.rows);
  for (var row = band * params.band; row < end; row++) {
    let i = row * params.vectors + c;
    sum += vector32(dy[i]) * vector32(x[i]) * rstd[row];
  }
  partials[(params.first_band + band) * params.vectors + c] = sum;
}
