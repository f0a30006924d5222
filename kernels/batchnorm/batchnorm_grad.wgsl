// Gradient of batch normalisation for its input.
//   dx = weight · rstd · (g − Σg/N − x̂ · Σ(g · x̂)/N),   x̂ = (x − mean) · rstd,   rstd = 1/√(variance + eps)
// Statistics that were given, not taken from the batch, do not depend on x: dx = weight · rstd · g.
// Linked with a vector, special.wgsl, ../shared/passed.wgsl and parts/column.wgsl.
// Constants: WORKGROUP, the lanes of a workgroup; RELU; OF_BATCH: the statistics are those of the batch.

struct Params {
  n: u32,                        // columns of this range, in vectors
  channels: u32,                 // in vectors
  rows: u32, split_rows: u32,    // of this range, and of a lane
  all_rows: u32,                 // N
  eps: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vector>;                 // [rows, C]
@group(0) @binding(2) var<storage, read> y: array<vector>;                 // [rows, C], read if RELU
@group(0) @binding(3) var<storage, read> dy: array<vector>;                // [rows, C]
@group(0) @binding(4) var<storage, read> statistics: array<vector32>;      // [2, C]: mean, variance
@group(0) @binding(5) var<storage, read> weight: array<vector>;            // [C]
@group(0) @binding(6) var<storage, read> sums: array<vector32>;            // [2, C]: of g · x̂, of g; read if OF_BATCH
@group(0) @binding(7) var<storage, read_write> dx: array<result_vector>;   // [rows, C]

@compute @workgroup_size(WORKGROUP)
fn batchnorm_grad(
  @builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32
) {
  let i = group_number(group, groups) * WORKGROUP + lane;
  if (i >= params.n) { return; }
  let column = column_of(i);
  let c = column.c;
  let rstd = 1.0 / sqrt(statistics[params.channels + c] + params.eps);
  let scale = vector32(weight[c]) * rstd;
  let mean = statistics[c];
  let of_g = sums[params.channels + c] / f32(params.all_rows);
  let of_product = sums[c] * rstd / f32(params.all_rows);
  for (var at = column.first; at < column.end; at += params.channels) {
    var g = passed(at);
    if (OF_BATCH) { g -= of_g + (vector32(x[at]) - mean) * of_product; }
    dx[at] = result_vector(scale * g);
  }
}
