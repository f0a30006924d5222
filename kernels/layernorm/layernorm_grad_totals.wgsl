// Gradients of layer normalisation with respect to weight and bias, stage 2 of 2: adds the bands of
// layernorm_grad.wgsl, first to last. One lane per column pack. Linked with pack/*.wgsl.

struct Params { packs: u32, bands: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> partials: array<pack32>;      // [bands, 2, packs]
@group(0) @binding(2) var<storage, read_write> dweight: array<result_pack>; // [packs]
@group(0) @binding(3) var<storage, read_write> dbias: array<result_pack>;   // [packs]

const WORKGROUP = 64u;

@compute @workgroup_size(WORKGROUP)
fn layernorm_grad_totals(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let c = (group.y * groups.x + group.x) * WORKGROUP + lane;
  if (c >= params.packs) { return; }
  var weight_total = pack32();
  var bias_total = pack32();
  for (var band = 0u; band < params.bands; band++) {
    weight_total += partials[2u * band * params.packs + c];
    bias_total += partials[(2u * band + 1u) * params.packs + c];
  }
  dweight[c] = result_pack(weight_total);
  dbias[c] = result_pack(bias_total);
}
