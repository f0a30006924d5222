// Means of columns, and their squared deviations from them, split by split: the first stage of batch statistics. A lane
// walks down a split. It sums what lies beyond the first row, d = x − x₀, and d²: where the mean is far from 0 and the
// deviation small, x² would lose every digit that counts, and d² keeps them.
// Linked with a vector and parts/column.wgsl.
// Constants: WORKGROUP, the lanes of a workgroup.

struct Params {
  n: u32,                            // columns of splits in this range, in vectors
  channels: u32,                     // in vectors
  rows: u32, split_rows: u32,        // of this range, and of a split
  first_split: u32,                  // the split that the range begins with
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vector>;                  // [rows, C]
@group(0) @binding(2) var<storage, read_write> moments: array<vector32>;    // [splits, 2, C]: means, squared deviations

@compute @workgroup_size(WORKGROUP)
fn column_moments(
  @builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32
) {
  let i = group_number(group, groups) * WORKGROUP + lane;
  if (i >= params.n) { return; }
  let column = column_of(i);
  let shift = vector32(x[column.first]);
  var sum = vector32();
  var squares = vector32();
  for (var at = column.first; at < column.end; at += params.channels) {
    let d = vector32(x[at]) - shift;
    sum += d;
    squares += d * d;
  }
  let offset = sum / f32(column.rows);
  let place = (params.first_split + column.split) * 2u * params.channels + column.c;
  moments[place] = shift + offset;
  moments[place + params.channels] = squares - sum * offset;
}
