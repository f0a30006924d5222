// The sums of batchnorm_sums.wgsl over all splits, first to last: in f32 for dx, and as dweight and dbias.
// Linked with a vector.
// Constants: WORKGROUP, the lanes of a workgroup.

struct Params { channels: u32, splits: u32 }   // in vectors

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> sums: array<vector32>;                 // [splits, 2, C]: of g · x̂, of g
@group(0) @binding(2) var<storage, read_write> totals: array<vector32>;         // [2, C]
@group(0) @binding(3) var<storage, read_write> dweight: array<result_vector>;   // [C]
@group(0) @binding(4) var<storage, read_write> dbias: array<result_vector>;     // [C]

@compute @workgroup_size(WORKGROUP)
fn batchnorm_totals(
  @builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32
) {
  let c = group_number(group, groups) * WORKGROUP + lane;
  if (c >= params.channels) { return; }
  var of_product = vector32();
  var of_g = vector32();
  for (var split = 0u; split < params.splits; split++) {
    let at = 2u * split * params.channels + c;
    of_product += sums[at];
    of_g += sums[at + params.channels];
  }
  totals[c] = of_product;
  totals[params.channels + c] = of_g;
  dweight[c] = result_vector(of_product);
  dbias[c] = result_vector(of_g);
}
