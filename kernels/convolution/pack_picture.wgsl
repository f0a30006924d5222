// Lays a picture with channels last into a texture, with zeros around it. A panel holds up to 32 channels, which are up
// to eight texels; in it the texels of one pixel follow those of the one before, eight to a line of the texture, LINES
// lines to a layer. Behind the last pixel there are zeros as well. One lane, one texel.
// Linked with ../shared/quotient.wgsl, parts/padded.wgsl and ../shared/vector/vec4.wgsl.
//
// Constants:
// WORKGROUP: lanes of a workgroup
// LINES: of a layer

@group(0) @binding(1) var<storage, read> picture: array<vector>;   // [frames, extents …, channels]
@group(0) @binding(2) var panels: texture_storage_2d_array<rgba32float, write>;

// A row of workgroups for each layer: group.x counts along its lines, group.y through the layers.
@compute @workgroup_size(WORKGROUP)
fn pack_picture(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = group.x * WORKGROUP + lane;
  let panel = group.y / params.layers;
  let number = group.y % params.layers * (8u * LINES) + i;   // of the texel in its panel
  let pixel = quotient(vec4u(number), params.per_texel).x;
  let texel = panel * 8u + number - pixel * params.texels;
  if (i >= 8u * params.height) { return; }
  let at = origin_of(pixel);
  var four = vec4f();
  if (at.is_there && 4u * texel < params.channels) { four = vec4f(picture[at.pixel * (params.channels / 4u) + texel]); }
  textureStore(panels, vec2u(i % 8u, i / 8u), group.y, four);
}
