// Gradient of layer normalisation. With x̂ = (x − mean) · rstd and g = dy · weight,
//   dx = rstd · (g − mean(g) − x̂ · mean(g · x̂)) + what x got so far,  means over each row
//   dweight = Σ dy · x̂,  dbias = Σ dy,  over all rows
// Two jobs in one dispatch, because neither waits for the other: some workgroups have rows of dx, others sums of columns over bands
// of rows, which layernorm_grad_totals.wgsl adds up. They alternate, so that a band is still in a cache when it is read again. Linked with rows.wgsl, row/*.wgsl and vector/*.wgsl.

struct Params {
  rows: u32, vectors: u32, tokens: u32,
  wanted: u32,              // rows of dx: all or none
  appended_at: u32,         // where the gradient of `appended` starts in `dx`, in vectors
  row_groups: u32,          // workgroups that have rows of a band
  column_groups: u32,       // workgroups that follow them with sums of its columns
  bands: u32, band: u32,    // bands of so many rows
  first_band: u32,          // number of the first of them, where rows come in several dispatches
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(3) var<storage, read> dy: array<vector>;                 // [rows, vectors]
@group(0) @binding(4) var<storage, read> weight: array<vector>;             // [vectors]
@group(0) @binding(5) var<storage, read> statistics: array<vec2f>;        // [rows] of mean and rstd
@group(0) @binding(6) var<storage, read> so_far: array<vector>;             // shaped as x; anything unless SO_FAR
@group(0) @binding(7) var<storage, read_write> dx: array<result_vector>;    // shaped as x, then, from `appended_at` on, as `appended`
@group(0) @binding(8) var<storage, read_write> partials: array<vector32>;   // [bands, 2, vectors]: Σ dy · x̂, Σ dy

@compute @workgroup_size(WORKGROUP)
fn layernorm_grad(lanes: Lanes) {
  let groups = params.row_groups + params.column_groups;
  let band = group_of(lanes) / groups;
  let place = group_of(lanes) % groups;
  let has_rows = place < params.row_groups;
  let row = row_of_group(band * params.row_groups + place, lanes);
  gradient_of_row(select(params.rows, row, has_rows), lanes);   // all lanes go, because all must reach the sums
  if (!has_rows) { sum_band(band, (place - params.row_groups) * WORKGROUP + index_of(lanes)); }
}

fn gradient_of_row(row: u32, lanes: Lanes) {
  let place = place_of(row);
  let vectors = select(0u, params.vectors, row < params.wanted);
  let base = row * params.vectors;
  let known = statistics[min(row, params.rows - 1u)];
  let center = known.x;
  let scale = known.y;

  var sums = vec2f();   // of g and g · x̂
  for (var c = lanes.lane; c < vectors; c += row_lanes(lanes)) {
    let g = vector32(dy[base + c]) * vector32(weight[c]);
    sums += vec2f(sum_of(g), sum_of(g * (x_at(place, c) - center) * scale));
  }
  let means = row_sum2(sums, lanes) / f32(params.vectors * VECTOR);

  for (var c = lanes.lane; c < vectors; c += row_lanes(lanes)) {
    let g = vector32(dy[base + c]) * vector32(weight[c]);
    let normal = (x_at(place, c) - center) * scale;
    var d = scale * (g - means.x - normal * means.y);
    var i = place.start + c;
    if (APPENDED && place.is_appended) { i += params.appended_at; }
    else if (SO_FAR) { d += vector32(so_far[i]); }
    dx[i] = result_vector(d);
  }
}

// Column vector c of a band, down its rows; neighbouring lanes read neighbouring columns. The bands depend on the shape alone, so the
// order of every sum is fixed, and no atomics are needed.
fn sum_band(band: u32, c: u32) {
  if (band >= params.bands || c >= params.vectors) { return; }
  var dweight = vector32();
  var dbias = vector32();
  let end = min((band + 1u) * params.band, params.rows);
  for (var row = band * params.band; row < end; row++) {
    let g = vector32(dy[row * params.vectors + c]);
    let known = statistics[row];
    dweight += g * (x_at(place_of(row), c) - known.x) * known.y;
    dbias += g;
  }
  let place = 2u * (params.first_band + band);
  partials[place * params.vectors + c] = dweight;
  partials[(place + 1u) * params.vectors + c] = dbias;
}
