// Second stage: the norm over all runs, √Σ partial, and whether it can be trusted.
// Linked with sums.wgsl, special.wgsl, and row/subgroup.wgsl or row/tree.wgsl.

struct Params { n: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> partial: array<f32>;          // [n]
@group(0) @binding(2) var<storage, read_write> measured: array<f32>;   // [2]: norm, 0; or NaN, 1

@compute @workgroup_size(WORKGROUP)
fn grad_norm_total(lanes: Lanes) {
  var sum = 0.0;
  let step = row_lanes(lanes);
  for (var block = lanes.lane; block < params.n; block += BLOCK * step) {
    var block_sum = 0.0;
    for (var i = block; i < min(block + BLOCK * step, params.n); i += step) { block_sum += partial[i]; }
    sum += block_sum;
  }
  let total = row_sum(finite_or_huge(sum), lanes);
  if (lanes.lane == 0u && row_of(lanes) == 0u) {
    let trusted = bitcast<u32>(total) < bitcast<u32>(HUGE);   // bits of positive floats are in their order
    measured[0] = select(nan_of(vec4f(total)).x, sqrt(total), trusted);
    measured[1] = select(1.0, 0.0, trusted);
  }
}
