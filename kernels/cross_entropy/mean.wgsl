// The mean of the rows' losses, in a fixed order: one workgroup, each lane a strided share, then a tree.

struct Params { rows: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> losses: array<f32>;        // [rows]
@group(0) @binding(2) var<storage, read_write> loss: array<f32>;    // [1]

const WORKGROUP = 64u;

var<workgroup> scratch: array<f32, WORKGROUP>;

@compute @workgroup_size(WORKGROUP)
fn mean_loss(@builtin(local_invocation_index) lane: u32) {
  var total = 0.0;
  for (var row = lane; row < params.rows; row += WORKGROUP) { total += losses[row]; }
  scratch[lane] = total;
  for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();   // the upper half must be written before the lower half reads it
    if (lane < half) { scratch[lane] += scratch[lane + half]; }
  }
  if (lane == 0u) { loss[0] = scratch[0] / f32(params.rows); }
}
