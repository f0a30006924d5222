// First stage of the gradient norm: sums of squares of runs of CHUNK gradients, a run per subgroup or workgroup.
//   partial[first + r] = Σ g², over the r-th run
// A lane whose sum is not finite, by its exponent bits, hands on HUGE instead: squares never cancel, so one NaN or infinity
// anywhere is seen, and HUGE stays HUGE or more in every later sum. Comparing floats would not do: adapters fold x ≠ x and
// min/max hide NaN. Linked with sums.wgsl, row/subgroup.wgsl or row/tree.wgsl, and a vector.

struct Params { n: u32, first: u32, rows: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> grads: array<vector>;            // n vectors
@group(0) @binding(2) var<storage, read_write> partial: array<f32>;     // runs of all arenas

@compute @workgroup_size(WORKGROUP)
fn grad_norm(lanes: Lanes) {
  let row = row_of(lanes);
  let start = row * (CHUNK / VECTOR);
  let end = min(start + CHUNK / VECTOR, params.n);
  var sum = 0.0;
  let step = row_lanes(lanes);
  for (var block = start + lanes.lane; block < end; block += BLOCK * step) {
    var block_sum = 0.0;
    for (var i = block; i < min(block + BLOCK * step, end); i += step) {
      let g = vector32(grads[i]);
      block_sum += sum_of(g * g);
    }
    sum += block_sum;
  }
  let total = row_sum(finite_or_huge(sum), lanes);
  if (lanes.lane == 0u && row < params.rows) { partial[params.first + row] = total; }
}
