// Stochastic gradient descent, one step, as torch.optim.SGD has it:
//   g = factor · grad + weight_decay · p
//   b ← momentum · b + g                   b is 0 before the first step, so that it is g in it
//   p ← p − lr · b,  or, with Nesterov's momentum,  p ← p − lr · (g + momentum · b)
// Polyak 1964; Sutskever et al. 2013, "On the importance of initialization and momentum in deep learning", section 2, but for lr, which
// is not part of b here. An arena is cut into blocks of BLOCK parameters of one group each, and a workgroup of LANES has one of them, so
// that what it reads of its group is read once; 12 bytes of memory traffic per parameter bound it, or 20 with momentum. All that changes
// from step to step is read from buffers. If a gradient was not finite, nothing is written, so that nothing changes. Linked with
// momentum.none.wgsl or momentum.buffer.wgsl, with shadow.none.wgsl or shadow.half.wgsl, and a vector.

struct Params { n: u32, first_block: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> hyper: array<vec4f>;             // [groups]: (lr, momentum, weight decay, 1 for Nesterov's)
@group(0) @binding(2) var<storage, read> control: array<vec4f>;           // [2]: as step_control.wgsl leaves it
@group(0) @binding(3) var<storage, read> group_of_block: array<u32>;      // a row of `hyper` for every block of the arena
@group(0) @binding(4) var<storage, read> grads: array<vector>;              // n vectors
@group(0) @binding(5) var<storage, read_write> values: array<vector>;       // n vectors; masters, where there is a shadow

const VECTORS = BLOCK / VECTOR;   // of a block

@compute @workgroup_size(LANES)
fn sgd(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let block = group_number(group, groups);
  let first = block * VECTORS;
  let step = control[0];
  if (first >= params.n || step.z != 0.0) { return; }
  let own = hyper[group_of_block[params.first_block + block]];
  let lr = own.x;
  let momentum = own.y;
  let decay = own.z;
  let is_nesterov = own.w != 0.0;

  let end = min(first + VECTORS, params.n);
  for (var i = first + lane; i < end; i += LANES) {
    let before = vector32(values[i]);
    let g = step.y * vector32(grads[i]) + decay * before;
    var direction = gathered(i, g, momentum);
    if (is_nesterov) { direction = g + momentum * direction; }
    let value = before - lr * direction;
    values[i] = vector(value);
    show(i, value);
  }
}
