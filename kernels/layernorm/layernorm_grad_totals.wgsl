// Gradients of layer normalisation with respect to weight and bias, stage 2 of 2: adds the splits of
// layernorm_grad.wgsl, first to last. One lane per vector of columns. Linked with ../shared/vector/*.wgsl.
//
// Constants: WORKGROUP  lanes of a workgroup

struct Params { cols: u32, splits: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> partials: array<vector32>;             // [splits, 2, cols]: Σ dy · x̂ and Σ dy
@group(0) @binding(2) var<storage, read_write> dweight: array<result_vector>;   // [cols]
@group(0) @binding(3) var<storage, read_write> dbias: array<result_vector>;     // [cols]

@compute @workgroup_size(WORKGROUP)
fn layernorm_grad_totals(
  @builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let vectors = params.cols / VECTOR;
  let c = group_number(group, groups) * WORKGROUP + lane;
  if (c >= vectors) { return; }
  var weight_sum = vector32();
  var bias_sum = vector32();
  for (var split = 0u; split < params.splits; split++) {
    weight_sum += partials[2u * split * vectors + c];
    bias_sum += partials[(2u * split + 1u) * vectors + c];
  }
  dweight[c] = result_vector(weight_sum);
  dbias[c] = result_vector(bias_sum);
}
