// Batch normalisation of columns, with statistics that are known. Ioffe & Szegedy 2015, arXiv:1502.03167, algorithm 1.
//   y = x̂ · weight + bias,   x̂ = (x − mean)/√(variance + eps);   with RELU, max(y, 0)
// Linked with a vector, special.wgsl and parts/column.wgsl.
// Constants: WORKGROUP, the lanes of a workgroup; RELU.

struct Params {
  n: u32,                        // columns of this range, in vectors
  channels: u32,                 // in vectors
  rows: u32, split_rows: u32,    // of this range, and of a lane
  eps: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vector>;                // [rows, C]
@group(0) @binding(2) var<storage, read> statistics: array<vector32>;     // [2, C]: mean, variance
@group(0) @binding(3) var<storage, read> weight: array<vector>;           // [C]
@group(0) @binding(4) var<storage, read> bias: array<vector>;             // [C]
@group(0) @binding(5) var<storage, read_write> y: array<result_vector>;   // [rows, C]

@compute @workgroup_size(WORKGROUP)
fn batchnorm(
  @builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32
) {
  let i = group_number(group, groups) * WORKGROUP + lane;
  if (i >= params.n) { return; }
  let column = column_of(i);
  let c = column.c;
  let mean = statistics[c];
  let scale = vector32(weight[c]) / sqrt(statistics[params.channels + c] + params.eps);
  let shift = vector32(bias[c]);
  for (var at = column.first; at < column.end; at += params.channels) {
    let out = (vector32(x[at]) - mean) * scale + shift;
    let four = vec4f(out);   // of one element, four times the same
    // by its bits, for a comparison may lose a NaN
    y[at] = result_vector(select(out, vector_of(select(four, vec4f(), is_negative(four))), RELU));
  }
}
