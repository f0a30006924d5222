// GELU, Gaussian error linear unit, and QuickGELU: y = activation(x), element by element.
// Linked with one of erf.wgsl, tanh.wgsl, quick.wgsl, which define `activation`, with a pack, and with each.*.wgsl.
// One lane per pack; 8 bytes of memory traffic per element bound it.

struct Params { packs: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<pack>;         // [packs]
@group(0) @binding(2) var<storage, read_write> y: array<pack>;   // [packs]

const WORKGROUP = 256u;

@compute @workgroup_size(WORKGROUP)
fn gelu(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * WORKGROUP + lane;
  if (i < params.packs) { y[i] = pack(activation_each(pack32(x[i]))); }
}
