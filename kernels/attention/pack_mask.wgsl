// Lays masks into a texture, as parts/mask_into.texture.wgsl says, for the quad rungs. Behind the last query lies what
// that one has. One lane, one texel.
//
// Constants:
// WORKGROUP: lanes of a workgroup      HEIGHT: rows of a layer

struct Params { rows: u32, queries: u32, keys: u32 }   // rows: of all masks

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> mask: array<elem>;   // [masks, L, S]
@group(0) @binding(2) var texels: texture_storage_2d_array<rgba32float, write>;

@compute @workgroup_size(WORKGROUP)
fn pack_mask(
  @builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = group_number(group, groups) * WORKGROUP + lane;
  let row = i / 8u;
  if (row >= params.rows) { return; }
  let panels = (params.queries + 31u) / 32u;   // of a mask: 32 queries with every key
  let panel = row / params.keys;
  let first = panel % panels * 32u + i % 8u * 4u;
  let l = min(first + vec4u(0u, 1u, 2u, 3u), vec4u(params.queries - 1u));
  let at = (panel / panels * params.queries + l) * params.keys + row % params.keys;
  let four = vec4f(f32(mask[at.x]), f32(mask[at.y]), f32(mask[at.z]), f32(mask[at.w]));
  textureStore(texels, vec2u(i % 8u, row % HEIGHT), row / HEIGHT, four);
}
