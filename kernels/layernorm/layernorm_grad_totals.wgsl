// Gradients of layer normalisation with respect to weight and bias, stage 2 of 2: adds the bands of
// layernorm_grad.wgsl, first to last. One lane per column vector. Linked with vector/*.wgsl.

struct Params { vectors: u32, bands: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> partials: array<vector32>;      // [bands, 2, vectors]
@group(0) @binding(2) var<storage, read_write> dweight: array<result_vector>; // [vectors]
@group(0) @binding(3) var<storage, read_write> dbias: array<result_vector>;   // [vectors]

const WORKGROUP = 64u;

@compute @workgroup_size(WORKGROUP)
fn layernorm_grad_totals(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let c = group_number(group, groups) * WORKGROUP + lane;
  if (c >= params.vectors) { return; }
  var weight_total = vector32();
  var bias_total = vector32();
  for (var band = 0u; band < params.bands; band++) {
    weight_total += partials[2u * band * params.vectors + c];
    bias_total += partials[(2u * band + 1u) * params.vectors + c];
  }
  dweight[c] = result_vector(weight_total);
  dbias[c] = result_vector(bias_total);
}
