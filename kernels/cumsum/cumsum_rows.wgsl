// Cumulative sum of rows: y[row, k] = Σ x[row, j] over j ≤ k; turned round, as the gradient wants it, over j ≥ k.
// The lanes of a row take it tile by tile: each sums its vector, then all scan those sums, and the last of a tile is carried into the next. A long row
// goes in three passes: the totals of its bands; their cumulative sum, each without itself; and the bands, each from the sum of those before it.
// Linked with row/*.wgsl and scan.*.wgsl for the sums across lanes, with a vector, and with running.*.wgsl for those in it.

struct Params { rows: u32, extent: u32, band: u32, bands: u32, first: u32, x_first: u32, y_first: u32, tiles: u32, turned: u32, exclusive: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vector>;                // [outer, extent] in vectors, from vector `x_first` on
@group(0) @binding(2) var<storage, read> carries: array<f32>;           // [outer, bands], from number `y_first` on: what comes before; if CARRIED
@group(0) @binding(3) var<storage, read_write> y: array<result_vector>;   // as x

@compute @workgroup_size(WORKGROUP)
fn cumsum_rows(lanes: Lanes) {
  let row = row_of(lanes);
  let block = params.first + min(row, params.rows - 1u);   // a band of a row; lanes past the end follow the last one, so that all reach the scan
  let start = block % params.bands * params.band;
  let length = min(params.band, params.extent - start);
  let base = block / params.bands * params.extent + start - params.x_first;
  let is_turned = params.turned == 1u;
  var before = 0.0;
  if (CARRIED) { before = carries[block - params.y_first]; }
  for (var tile = 0u; tile < params.tiles; tile++) {   // as often in all lanes, also of a shorter band: whoever launches counts
    let step = tile * row_lanes(lanes) + lanes.lane;
    let is_in = step < length;
    let at = base + select(step, length - 1u - step, is_turned);
    var own = vector32();
    if (is_in) { own = turned(vector32(x[at]), is_turned); }
    let sums = running(own);
    let scan = row_scan(last_of(sums), lanes);
    if (is_in && row < params.rows) {
      let inclusive = before + (scan.before + sums);
      y[at] = result_vector(turned(select(inclusive, before + (scan.before + shifted(sums)), params.exclusive == 1u), is_turned));
    }
    before += scan.total;
  }
}
