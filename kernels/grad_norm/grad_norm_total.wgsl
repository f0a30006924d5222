// Second stage: the norm over all splits, √Σ partial, and whether it can be trusted. One row of lanes.
// Linked with parts/sums.wgsl, measured.wgsl, special.wgsl, and row/subgroup.wgsl or row/tree.wgsl.

struct Params { n: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> partial: array<f32>;         // [n]
@group(0) @binding(2) var<storage, read_write> measured: Measured;

@compute @workgroup_size(WORKGROUP)
fn grad_norm_total(lanes: Lanes) {
  var sum = 0.0;
  let step = row_lanes(lanes);
  for (var chain = lanes.lane; chain < params.n; chain += CHAIN * step) {
    var chain_sum = 0.0;
    for (var i = chain; i < min(chain + CHAIN * step, params.n); i += step) { chain_sum += partial[i]; }
    sum += chain_sum;
  }
  let total = row_sum(finite_or_huge(sum), lanes);
  if (lanes.lane == 0u && row_of(lanes) == 0u) {
    let is_finite = bitcast<u32>(total) < bitcast<u32>(HUGE);   // bits of positive floats are in their order
    measured.norm = select(nan_of(vec4f(total)).x, sqrt(total), is_finite);
    measured.not_finite = select(1.0, 0.0, is_finite);
  }
}
