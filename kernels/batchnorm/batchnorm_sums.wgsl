// What the gradient of batch normalisation sums over columns, split by split: g, which gives dbias, and g · x̂, which
// gives dweight. g is dy, or 0 where a ReLU has cut y off.
// Linked with a vector, special.wgsl, ../shared/passed.wgsl and parts/column.wgsl.
// Constants: WORKGROUP, the lanes of a workgroup; RELU.

struct Params {
  n: u32,                            // columns of splits in this range, in vectors
  channels: u32,                     // in vectors
  rows: u32, split_rows: u32,        // of this range, and of a split
  first_split: u32,                  // the split that the range begins with
  eps: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vector>;               // [rows, C]
@group(0) @binding(2) var<storage, read> y: array<vector>;               // [rows, C], read if RELU
@group(0) @binding(3) var<storage, read> dy: array<vector>;              // [rows, C]
@group(0) @binding(4) var<storage, read> statistics: array<vector32>;    // [2, C]: mean, variance
@group(0) @binding(5) var<storage, read_write> sums: array<vector32>;    // [splits, 2, C]: of g · x̂, of g

@compute @workgroup_size(WORKGROUP)
fn batchnorm_sums(
  @builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32
) {
  let i = group_number(group, groups) * WORKGROUP + lane;
  if (i >= params.n) { return; }
  let column = column_of(i);
  let mean = statistics[column.c];
  var of_product = vector32();
  var of_g = vector32();
  for (var at = column.first; at < column.end; at += params.channels) {
    let g = passed(at);
    of_g += g;
    of_product += g * (vector32(x[at]) - mean);
  }
  let place = (params.first_split + column.split) * 2u * params.channels + column.c;
  sums[place] = of_product / sqrt(statistics[params.channels + column.c] + params.eps);
  sums[place + params.channels] = of_g;
}
