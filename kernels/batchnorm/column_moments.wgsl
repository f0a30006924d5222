// Means of columns, and their squared deviations from them, split by split: the first stage of batch statistics. A lane
// has a vector of columns and walks down its split. It sums what lies beyond the first row, d = x − x₀, and d²: where
// the mean is far from 0 and the deviation small, x² would lose every digit that counts, and d² keeps them.
// Linked with a vector.
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
  let split = i / params.channels;
  let c = i % params.channels;
  let first = split * params.split_rows;
  let end = min(first + params.split_rows, params.rows);
  let shift = vector32(x[first * params.channels + c]);
  var sum = vector32();
  var squares = vector32();
  for (var row = first; row < end; row++) {
    let d = vector32(x[row * params.channels + c]) - shift;
    sum += d;
    squares += d * d;
  }
  let offset = sum / f32(end - first);
  let place = (params.first_split + split) * 2u * params.channels + c;
  moments[place] = shift + offset;
  moments[place + params.channels] = squares - sum * offset;
}
