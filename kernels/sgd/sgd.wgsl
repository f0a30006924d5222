// Stochastic gradient descent, one step, as torch.optim.SGD has it:
//   g = factor · grad + weight_decay · p
//   b ← momentum · b + g                   b is 0 before the first step, so that it is g in it
//   p ← p − lr · b,  or, with Nesterov's momentum,  p ← p − lr · (g + momentum · b)
// Polyak 1964; Sutskever et al. 2013, "On the importance of initialization and momentum in deep learning", section 2,
// but for lr, which is not part of b here. Cut as AdamW: a workgroup has a tile of an arena, all of it of one group.
// 12 bytes of memory traffic per parameter bound it, or 20 with momentum. All that changes from step to step is read
// from buffers. If a gradient was not finite, nothing is written, so that nothing changes.
// Linked with control.wgsl, parts/momentum.none.wgsl or momentum.buffer.wgsl, shadow.none.wgsl or shadow.half.wgsl,
// and a vector.
//
// Constants:
//   TILE    parameters of a workgroup
//   LANES   lanes of a workgroup

struct Params { n: u32, first_tile: u32 }   // vectors bound, and the tile of the arena that they begin with

// Settings of a parameter group at this step.
struct Hyper {
  lr: f32,
  momentum: f32,
  weight_decay: f32,
  nesterov: f32,   // 1 to look ahead, else 0
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> hyper: array<Hyper>;            // [groups]
@group(0) @binding(2) var<storage, read> control: Control;
@group(0) @binding(3) var<storage, read> group_of_tile: array<u32>;      // a row of `hyper` for every tile of the arena
@group(0) @binding(4) var<storage, read> grads: array<vector>;           // n vectors
@group(0) @binding(5) var<storage, read_write> values: array<vector>;    // n vectors; masters, where there is a shadow

const VECTORS = TILE / VECTOR;   // of a tile

@compute @workgroup_size(LANES)
fn sgd(
  @builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let tile = group_number(group, groups);
  let first = tile * VECTORS;
  if (first >= params.n || control.skips != 0.0) { return; }
  let own = hyper[group_of_tile[params.first_tile + tile]];
  let factor = control.factor;

  let end = min(first + VECTORS, params.n);
  for (var i = first + lane; i < end; i += LANES) {
    let before = vector32(values[i]);
    let g = factor * vector32(grads[i]) + own.weight_decay * before;
    var direction = gathered(i, g, own.momentum);
    if (own.nesterov != 0.0) { direction = g + own.momentum * direction; }
    let value = before - own.lr * direction;
    values[i] = vector(value);
    show(i, value);
  }
}
