// AdamW, one step. Loshchilov & Hutter 2019, arXiv:1711.05101, algorithm 2, with torch's placement of eps:
//   g = factor · grad
//   p ← p · (1 − lr · weight_decay)
//   m ← m + (1 − beta1)(g − m)          v ← beta2 · v + (1 − beta2) g²
//   p ← p − lr / (1 − beta1ᵗ) · m / (√v / √(1 − beta2ᵗ) + eps)
// An arena is cut into tiles of parameters of one group each, and a workgroup has one of them, so that what it reads
// of its group is read once; 28 bytes of memory traffic per parameter bound it. All that changes from step to step is
// read from buffers. If a gradient was not finite, nothing is written, so that nothing changes.
// Linked with control.wgsl, with shadow.none.wgsl or shadow.half.wgsl, and a vector.
//
// Constants:
//   TILE    parameters of a workgroup
//   LANES   lanes of a workgroup

struct Params { n: u32, first_tile: u32 }   // vectors bound, and the tile of the arena that they begin with

// Settings of a parameter group at this step.
struct Hyper {
  lr: f32,
  beta1: f32,
  beta2: f32,
  eps: f32,
  weight_decay: f32,
  fresh2: f32,   // 1 − beta2: formed from f32 numbers, 1 − 0.999 is off by 1e-5 of itself, so the host gives it
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> hyper: array<Hyper>;            // [groups]
@group(0) @binding(2) var<storage, read> control: Control;
@group(0) @binding(3) var<storage, read> group_of_tile: array<u32>;      // a row of `hyper` for every tile of the arena
@group(0) @binding(4) var<storage, read> grads: array<vector>;           // n vectors
@group(0) @binding(5) var<storage, read_write> m: array<vector>;         // n vectors
@group(0) @binding(6) var<storage, read_write> v: array<vector>;         // n vectors
@group(0) @binding(7) var<storage, read_write> values: array<vector>;    // n vectors; masters, where there is a shadow

const VECTORS = TILE / VECTOR;   // of a tile

@compute @workgroup_size(LANES)
fn adamw(
  @builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let tile = group_number(group, groups);
  let first = tile * VECTORS;
  if (first >= params.n || control.skips != 0.0) { return; }
  let own = hyper[group_of_tile[params.first_tile + tile]];
  let kept = 1.0 - own.lr * own.weight_decay;
  let rate = own.lr / control.correction1;
  let root2 = sqrt(control.correction2);
  let factor = control.factor;

  let end = min(first + VECTORS, params.n);
  for (var i = first + lane; i < end; i += LANES) {
    let g = factor * vector32(grads[i]);
    let before = vector32(m[i]);
    let mean = before + (1.0 - own.beta1) * (g - before);
    let square = own.beta2 * vector32(v[i]) + own.fresh2 * (g * g);
    m[i] = vector(mean);
    v[i] = vector(square);
    let value = vector32(values[i]) * kept - rate * mean / (sqrt(square) / root2 + own.eps);
    values[i] = vector(value);
    show(i, value);
  }
}
