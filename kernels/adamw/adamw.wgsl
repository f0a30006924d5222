// AdamW, one step. Loshchilov & Hutter 2019, arXiv:1711.05101, algorithm 2, with torch's placement of eps:
//   g = factor · grad
//   p ← p · (1 − lr · weight_decay)
//   m ← m + (1 − beta1)(g − m)          v ← beta2 · v + (1 − beta2) g²
//   p ← p − lr / (1 − beta1ᵗ) · m / (√v / √(1 − beta2ᵗ) + eps)
// One lane per pack of parameters; 28 bytes of memory traffic per parameter bound it. All that changes from step to step is read
// from buffers. If a gradient was not finite, nothing is written, so that nothing changes. Linked with a pack.

struct Params { n: u32, group: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> hyper: array<vec4f>;         // [groups, 2]: (lr, beta1, beta2, eps), (weight decay, 1 − beta1ᵗ, 1 − beta2ᵗ, 1 − beta2)
@group(0) @binding(2) var<storage, read> control: array<f32>;         // [4]: norm, factor, 1 if not finite, 0
@group(0) @binding(3) var<storage, read> grads: array<pack>;          // n packs
@group(0) @binding(4) var<storage, read_write> m: array<pack>;        // n packs
@group(0) @binding(5) var<storage, read_write> v: array<pack>;        // n packs
@group(0) @binding(6) var<storage, read_write> values: array<pack>;   // n packs

const WORKGROUP = 256u;

@compute @workgroup_size(WORKGROUP)
fn adamw(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * WORKGROUP + lane;
  if (i >= params.n || control[2] != 0.0) { return; }
  let first = hyper[2u * params.group];
  let lr = first.x;
  let beta1 = first.y;
  let beta2 = first.z;
  let eps = first.w;
  let second = hyper[2u * params.group + 1u];
  let weight_decay = second.x;
  let bias1 = second.y;
  let bias2 = second.z;
  // 1 − 0.999 of f32 numbers is 1e-5 off, so the host gives the difference; a row that ends with 0 goes without
  let fresh2 = select(1.0 - beta2, second.w, second.w > 0.0);

  let g = control[1] * pack32(grads[i]);
  let mean = pack32(m[i]) + (1.0 - beta1) * (g - pack32(m[i]));
  let square = beta2 * pack32(v[i]) + fresh2 * (g * g);
  m[i] = pack(mean);
  v[i] = pack(square);
  values[i] = pack(pack32(values[i]) * (1.0 - lr * weight_decay) - (lr / bias1) * mean / (sqrt(square) / sqrt(bias2) + eps));
}
