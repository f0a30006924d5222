// The statistics of a batch, from the moments of its splits, first to last; and the running ones, which follow them.
//   of two parts with counts p, q and means that are δ apart:
//     mean = mean_p + δ · q/(p + q),   deviations = deviations_p + deviations_q + δ² · p·q/(p + q)
//   running ← (1 − momentum) · running + momentum · batch, with the unbiased variance
// Chan, Golub, LeVeque 1983, "Algorithms for computing the sample variance", eq. 2.1; Ioffe & Szegedy 2015,
// arXiv:1502.03167, section 3.1.
// Linked with a vector.
// Constants: WORKGROUP, the lanes of a workgroup. RUNNING: there are running statistics.

struct Params {
  channels: u32,                     // in vectors
  rows: u32, split_rows: u32,        // in all, and of a split
  momentum: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> moments: array<vector32>;              // [splits, 2, C]
@group(0) @binding(2) var<storage, read_write> statistics: array<vector32>;     // [3, C]: mean, variance, deviations
@group(0) @binding(3) var<storage, read_write> running_mean: array<vector32>;       // [C]
@group(0) @binding(4) var<storage, read_write> running_variance: array<vector32>;   // [C]
@group(0) @binding(5) var<storage, read_write> batches: array<u32>;                 // [1]: how many there were

@compute @workgroup_size(WORKGROUP)
fn batch_statistics(
  @builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32
) {
  let c = group_number(group, groups) * WORKGROUP + lane;
  if (c >= params.channels) { return; }
  var mean = vector32();
  var deviations = vector32();
  var at = c;
  for (var first = 0u; first < params.rows; first += params.split_rows) {
    let count = f32(min(params.split_rows, params.rows - first));
    let share = select(count / (f32(first) + count), 1.0, first == 0u);   // a division need not give 1
    let delta = moments[at] - mean;
    mean += delta * share;
    deviations += moments[at + params.channels] + delta * delta * f32(first) * share;
    at += 2u * params.channels;
  }
  let rows = f32(params.rows);
  statistics[c] = mean;
  statistics[params.channels + c] = deviations / rows;
  statistics[2u * params.channels + c] = deviations;
  if (RUNNING) {
    if (c == 0u) { batches[0]++; }
    let kept = 1.0 - params.momentum;
    running_mean[c] = kept * running_mean[c] + params.momentum * mean;
    running_variance[c] = kept * running_variance[c] + params.momentum * deviations / (rows - 1.0);
  }
}
