// GELU, Gaussian error linear unit, and QuickGELU: y = activation(x), element by element.
// Linked with one of erf.wgsl, tanh.wgsl, quick.wgsl, which define `activation`.
// One lane per element; 8 bytes of memory traffic per element bound it.

struct Params { n: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<elem>;         // [n]
@group(0) @binding(2) var<storage, read_write> y: array<elem>;   // [n]

const WORKGROUP = 256u;

@compute @workgroup_size(WORKGROUP)
fn gelu(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * WORKGROUP + lane;
  if (i < params.n) { y[i] = elem(activation(f32(x[i]))); }
}
