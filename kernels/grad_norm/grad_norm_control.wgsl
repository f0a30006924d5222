// Second stage: the norm over all runs, and what the optimiser shall do about it.
//   norm = √Σ partial,  factor = min(1, max_norm / (norm + 1e-6)) as torch's clip_grad_norm_, 1 if max_norm is 0
// Linked with sums.wgsl and with row/subgroup.wgsl or row/tree.wgsl.

struct Params { n: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> partial: array<f32>;         // [n]
@group(0) @binding(2) var<storage, read> max_norm: array<f32>;        // [1]
@group(0) @binding(3) var<storage, read_write> control: array<f32>;   // [4]: norm, factor, 1 if not finite, 0

@compute @workgroup_size(WORKGROUP)
fn grad_norm_control(lanes: Lanes) {
  var sum = 0.0;
  let step = row_lanes(lanes);
  for (var block = lanes.lane; block < params.n; block += BLOCK * step) {
    var block_sum = 0.0;
    for (var i = block; i < min(block + BLOCK * step, params.n); i += step) { block_sum += partial[i]; }
    sum += block_sum;
  }
  let total = row_sum(finite_or_huge(sum), lanes);
  if (lanes.lane == 0u && row_of(lanes) == 0u) {
    let norm = sqrt(min(total, HUGE));
    control[0] = norm;
    control[1] = select(1.0, min(1.0, max_norm[0] / (norm + 1e-6)), max_norm[0] > 0.0);
    control[2] = select(0.0, 1.0, bitcast<u32>(total) >= bitcast<u32>(HUGE));   // bits of positive floats are in their order
    control[3] = 0.0;
  }
}
