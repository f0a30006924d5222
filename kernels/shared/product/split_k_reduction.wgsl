// The reduction after split-K: the gradients of a matrix and of a bias from the splits, added first to last, in one
// dispatch for both.
//   matrix = Σ_s matrices[s],  bias = Σ_s biases[s]
// One lane per vector of the matrix, then, if BIAS, one per element of the bias. Linked with one of ../vector/*.wgsl.
//
// Constants:
// WORKGROUP: lanes of a workgroup
// BIAS: there is a bias

struct Params { splits: u32, vectors: u32, rows: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> matrices: array<vector32>;            // [splits, vectors]
@group(0) @binding(2) var<storage, read> biases: array<f32>;                   // [splits, rows]; anything unless BIAS
@group(0) @binding(3) var<storage, read_write> matrix: array<result_vector>;   // [vectors]
@group(0) @binding(4) var<storage, read_write> bias: array<result>;            // [rows]; anything unless BIAS

@compute @workgroup_size(WORKGROUP)
fn split_k_reduction(
  @builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = group_number(group, groups) * WORKGROUP + lane;
  if (i < params.vectors) {
    var total = vector32();
    for (var s = 0u; s < params.splits; s++) { total += matrices[s * params.vectors + i]; }
    matrix[i] = result_vector(total);
  } else if (BIAS && i - params.vectors < params.rows) {
    let row = i - params.vectors;
    var total = 0.0;
    for (var s = 0u; s < params.splits; s++) { total += biases[s * params.rows + row]; }
    bias[row] = result(total);
  }
}
