// Reduction of rows, each to one number: y[row] = x[row, 0] ∘ x[row, 1] ∘ …, where ∘ is `combine` of the part that says what is computed.
// A row may be cut into bands, each with a result of its own; the last one may be shorter. What does not fit one binding goes in ranges of bands.
// Linked with row/*.wgsl: the lanes of a row share it, each a strided part, so the order is fixed; with a vector and its fold; with an operation.

struct Params { rows: u32, extent: u32, band: u32, bands: u32, first: u32, x_first: u32, y_first: u32, factor: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vector>;   // [outer, extent] in vectors, from number `x_first` on; results are [outer, bands], from `y_first` on

// Of what is combined, and of results.
alias number = f32;
alias word = u32;
alias stored = result;

@compute @workgroup_size(WORKGROUP)
fn reduce_rows(lanes: Lanes) {
  let row = row_of(lanes);
  let block = params.first + row;                        // a band of a row of x
  let start = block % params.bands * params.band;        // where in that row it begins
  let base = block / params.bands * params.extent + start - params.x_first;
  let length = select(0u, min(params.band, params.extent - start), row < params.rows);   // rows past the last one are empty
  var total = identity();
  for (var i = lanes.lane; i < length; i += row_lanes(lanes)) { total = combine(total, folded(vector32(x[base + i]), start + i)); }
  let all = across(total, lanes);
  if (row < params.rows && lanes.lane == 0u) { store(block - params.y_first, all); }
}
