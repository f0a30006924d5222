// Reduction of rows, each to one number: y[row] = x[row, 0] ∘ x[row, 1] ∘ …, where ∘ is `combine` of the part that says
// what is computed. A row may be cut into splits, each with a result of its own; the last one may be shorter. What does
// not fit one binding goes in ranges of splits: whole rows, or one row in part.
// Linked with row/*.wgsl (the lanes of a row take its vectors in turn, so the order is fixed), with a vector and
// fold.wgsl (what is in a vector, combined), and with an operation such as sum.wgsl, which comes with `across`, over
// the lanes.

struct Params {
  rows: u32,                         // splits of this range
  extent: u32, split_length: u32,    // of a row and of a split, in vectors
  splits: u32,                       // of a row
  first: u32,                        // the vector of its row that the range begins with
  x_start: u32, y_start: u32,        // where the range begins in what is bound
  factor: f32,                       // of a sum
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vector>;   // [outer, extent]; results are [outer, splits]

// Of what is combined, and of results.
alias number = f32;
alias word = u32;
alias stored = result;

@compute @workgroup_size(WORKGROUP)
fn reduce_rows(lanes: Lanes) {
  let row = row_of(lanes);
  let start = row % params.splits * params.split_length;   // where in that row of x the split begins
  let base = params.x_start + row / params.splits * params.extent + start;
  let left = min(params.split_length, params.extent - params.first - start);
  let length = select(0u, left, row < params.rows);   // rows past the last one are empty
  var total = identity();
  for (var i = lanes.lane; i < length; i += row_lanes(lanes)) {
    total = combine(total, folded(vector32(x[base + i]), params.first + start + i));
  }
  let all = across(total, lanes);
  if (row < params.rows && lanes.lane == 0u) { store(params.y_start + row, all); }
}
