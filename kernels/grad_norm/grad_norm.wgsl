// First stage of the gradient norm: sums of squares of splits of SPLIT gradients.
//   partial[first + s] = Σ g², over split s
// A split is a row of a subgroup or of a workgroup. A lane whose sum is not finite, by its exponent bits, hands on
// HUGE instead: squares never cancel, so one NaN or infinity anywhere is seen, and HUGE stays HUGE or more in every
// later sum. Comparing floats would not do: adapters fold x ≠ x, and min and max hide NaN.
// Linked with parts/sums.wgsl, row/subgroup.wgsl or row/tree.wgsl, and a vector.
//
// Constants:
//   SPLIT   gradients of a split

// Vectors that are bound; the split that they begin with, and how many there are.
struct Params { n: u32, first: u32, splits: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> grads: array<vector>;          // n vectors
@group(0) @binding(2) var<storage, read_write> partial: array<f32>;     // splits of all arenas

@compute @workgroup_size(WORKGROUP)
fn grad_norm(lanes: Lanes) {
  let split = row_of(lanes);
  let start = split * (SPLIT / VECTOR);
  let end = min(start + SPLIT / VECTOR, params.n);
  var sum = 0.0;
  let step = row_lanes(lanes);
  for (var chain = start + lanes.lane; chain < end; chain += CHAIN * step) {
    var chain_sum = 0.0;
    for (var i = chain; i < min(chain + CHAIN * step, end); i += step) {
      let g = vector32(grads[i]);
      chain_sum += sum_of(g * g);
    }
    sum += chain_sum;
  }
  let total = row_sum(finite_or_huge(sum), lanes);
  if (lanes.lane == 0u && split < params.splits) { partial[params.first + split] = total; }
}
