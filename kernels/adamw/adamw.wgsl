// AdamW, one step. Loshchilov & Hutter 2019, arXiv:1711.05101, algorithm 2, with torch's placement of eps:
//   g = factor · grad
//   p ← p · (1 − lr · weight_decay)
//   m ← m + (1 − beta1)(g − m)          v ← beta2 · v + (1 − beta2) g²
//   p ← p − lr / (1 − beta1ᵗ) · m / (√v / √(1 − beta2ᵗ) + eps)
// An arena is cut into blocks of BLOCK parameters of one group each, and a workgroup of LANES has one of them, so that what it reads of its
// group is read once; 28 bytes of memory traffic per parameter bound it. All that changes from step to step is read from buffers. If a
// gradient was not finite, nothing is written, so that nothing changes. Linked with shadow.none.wgsl or shadow.half.wgsl, and a vector.

struct Params { n: u32, first_block: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> hyper: array<vec4f>;             // [groups, 2]: (lr, beta1, beta2, eps), (weight decay, 1 − beta2, 0, 0)
@group(0) @binding(2) var<storage, read> control: array<vec4f>;           // [2]: as step_control.wgsl leaves it
@group(0) @binding(3) var<storage, read> group_of_block: array<u32>;      // a row of `hyper` for every block of the arena
@group(0) @binding(4) var<storage, read> grads: array<vector>;       // n vectors
@group(0) @binding(5) var<storage, read_write> m: array<vector>;            // n vectors
@group(0) @binding(6) var<storage, read_write> v: array<vector>;            // n vectors
@group(0) @binding(7) var<storage, read_write> values: array<vector>;       // n vectors; masters, where there is a shadow

const VECTORS = BLOCK / VECTOR;   // of a block

@compute @workgroup_size(LANES)
fn adamw(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let block = group_number(group, groups);
  let first = block * VECTORS;
  let step = control[0];
  if (first >= params.n || step.z != 0.0) { return; }
  let row = group_of_block[params.first_block + block];
  let rates = hyper[2u * row];
  let lr = rates.x;
  let beta1 = rates.y;
  let beta2 = rates.z;
  let eps = rates.w;
  let own = hyper[2u * row + 1u];
  let kept = 1.0 - lr * own.x;
  let fresh2 = own.y;   // 1 − 0.999 of f32 numbers is 1e-5 off, so the host gives the difference
  let correction = control[1];
  let rate = lr / correction.x;
  let root2 = sqrt(correction.y);

  let end = min(first + VECTORS, params.n);
  for (var i = first + lane; i < end; i += LANES) {
    let g = step.y * vector32(grads[i]);
    let before = vector32(m[i]);
    let mean = before + (1.0 - beta1) * (g - before);
    let square = beta2 * vector32(v[i]) + fresh2 * (g * g);
    m[i] = vector(mean);
    v[i] = vector(square);
    let value = vector32(values[i]) * kept - rate * mean / (sqrt(square) / root2 + eps);
    values[i] = vector(value);
    show(i, value);
  }
}
