// Loads of pictures that pack_picture.wgsl laid into textures. For software adapters, as register_tiles.panels.wgsl of
// products: a load from a storage buffer takes more than twice the time of one from a storage texture.
//
// Constants:
// LINES: of a layer

@group(0) @binding(1) var a: texture_storage_2d_array<rgba32float, read>;
@group(0) @binding(2) var b: texture_storage_2d_array<rgba32float, read>;

// Texel `at` of a panel whose first layer is `layer`: eight to a line, LINES lines to a layer.
fn texel_at(picture: texture_storage_2d_array<rgba32float, read>, at: u32, layer: u32) -> vec4f {
  return textureLoad(picture, vec2u(at % 8u, at / 8u % LINES), layer + at / (8u * LINES));
}

// Four texels of one panel, a column each.
fn texels_at(picture: texture_storage_2d_array<rgba32float, read>, at: vec4u, layer: u32) -> mat4x4f {
  return mat4x4f(
    texel_at(picture, at.x, layer), texel_at(picture, at.y, layer),
    texel_at(picture, at.z, layer), texel_at(picture, at.w, layer),
  );
}
