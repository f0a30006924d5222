// Cumulative sum of rows: y[row, k] = Σ x[row, j] over j ≤ k; turned round, as the gradient wants it, over j ≥ k. The
// lanes of a row take it tile by tile, a vector each: every lane sums its vector, all scan those sums, and the total of
// a tile is carried into the next. A long row goes in three passes: the totals of its splits; their cumulative sum,
// each without itself; and the splits, each from the sum of those before it.
// Linked with row/*.wgsl and parts/scan.*.wgsl for the sums across lanes, with a vector, and with parts/running.wgsl
// for those in it.
// Constants: CARRIED: a split begins with its carry.

struct Params {
  rows: u32,                         // splits of this range
  extent: u32, split_length: u32,    // of a row and of a split, in vectors
  splits: u32,                       // of a row
  first: u32,                        // the vector of its row that the range begins with
  x_start: u32, y_start: u32,        // where the range begins in what is bound of x and y, and of carries
  tiles: u32,                        // of the longest split
  turned: u32, exclusive: u32,       // 1: from the other end; each sum without its own element
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vector>;                // [outer, extent]
@group(0) @binding(2) var<storage, read> carries: array<f32>;             // [outer, splits]; read if CARRIED
@group(0) @binding(3) var<storage, read_write> y: array<result_vector>;   // as x

@compute @workgroup_size(WORKGROUP)
fn cumsum_rows(lanes: Lanes) {
  let row = row_of(lanes);
  let split = min(row, params.rows - 1u);   // lanes past the end follow the last split, so that all reach the scan
  let start = split % params.splits * params.split_length;
  let length = min(params.split_length, params.extent - params.first - start);
  let base = params.x_start + split / params.splits * params.extent + start;
  let is_turned = params.turned == 1u;
  var before = 0.0;
  if (CARRIED) { before = carries[params.y_start + split]; }
  // as often in all lanes, also of a shorter split: whoever launches counts
  for (var tile = 0u; tile < params.tiles; tile++) {
    let step = tile * row_lanes(lanes) + lanes.lane;
    let is_in = step < length;
    let at = base + select(step, length - 1u - step, is_turned);
    var own = vector32();
    if (is_in) { own = turned(vector32(x[at]), is_turned); }
    let sums = running(own);
    let scan = row_scan(sum_of(own), lanes);
    if (is_in && row < params.rows) {
      let inclusive = before + (scan.before + sums);
      let exclusive = before + (scan.before + shifted(sums));
      y[at] = result_vector(turned(select(inclusive, exclusive, params.exclusive == 1u), is_turned));
    }
    before += scan.total;
  }
}
