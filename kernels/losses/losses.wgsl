// Sums of a loss over pairs of numbers: partials[row] = Σ loss(x, target) over a row, of which the last may be shorter
// than the others. No element's loss is stored.
// Linked with parts/mse.wgsl or parts/binary_cross_entropy.wgsl (`loss`), with row/*.wgsl (the lanes of a row share it,
// each every so-many-th vector, so the order of the sum is fixed), and with a vector.

struct Params {
  rows: u32, vectors: u32,   // rows of this range, and the length of one
  total: u32,                // vectors of all its rows
  first: u32,                // the row that the range begins with
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vector>;              // [rows, vectors] up to `total`
@group(0) @binding(2) var<storage, read> targets: array<vector>;        // as x
@group(0) @binding(3) var<storage, read_write> partials: array<f32>;    // those of all ranges

@compute @workgroup_size(WORKGROUP)
fn losses(lanes: Lanes) {
  let row = row_of(lanes);
  let base = row * params.vectors;
  // rows past the last one are empty
  let end = select(base, min(base + params.vectors, params.total), row < params.rows);
  var sum = 0.0;
  for (var i = base + lanes.lane; i < end; i += row_lanes(lanes)) {
    sum += sum_of(vector_of(loss(vec4f(vector32(x[i])), vec4f(vector32(targets[i])))));
  }
  let total = row_sum(sum, lanes);
  if (row < params.rows && lanes.lane == 0u) { partials[params.first + row] = total; }
}
