// Loads of pictures that pack_picture.wgsl laid into textures. For software adapters, as register_tiles.panels.wgsl of
// products: a load from a storage buffer takes more than twice the time of one from a storage texture.
//
// Constants:
// LINES: of a layer
// A_WIDE, B_WIDE: a pixel has a line of its own in each panel, and a panel one layer. Then of two loads side by side
// only one coordinate differs, and compilers work out the others once.

@group(0) @binding(1) var a: texture_storage_2d_array<rgba32float, read>;
@group(0) @binding(2) var b: texture_storage_2d_array<rgba32float, read>;

// Texel `texel` of a pixel. A panel has eight of them, a line of the texture, or all, where those are fewer: then they
// follow those of the pixel before.
fn texel_of_a(pixel: u32, texel: u32) -> vec4f {
  if (A_WIDE) { return textureLoad(a, vec2u(texel % 8u, pixel), texel / 8u); }
  let at = pixel * params.a_texels + texel % 8u;
  return textureLoad(a, vec2u(at % 8u, at / 8u % LINES), texel / 8u * params.a_layers + at / (8u * LINES));
}
fn texel_of_b(pixel: u32, texel: u32) -> vec4f {
  if (B_WIDE) { return textureLoad(b, vec2u(texel % 8u, pixel), texel / 8u); }
  let at = pixel * params.b_texels + texel % 8u;
  return textureLoad(b, vec2u(at % 8u, at / 8u % LINES), texel / 8u * params.b_layers + at / (8u * LINES));
}

// One texel of four pixels, a column each.
fn texels_of_a(pixels: vec4u, texel: u32) -> mat4x4f {
  return mat4x4f(
    texel_of_a(pixels.x, texel), texel_of_a(pixels.y, texel), texel_of_a(pixels.z, texel), texel_of_a(pixels.w, texel),
  );
}
fn texels_of_b(pixels: vec4u, texel: u32) -> mat4x4f {
  return mat4x4f(
    texel_of_b(pixels.x, texel), texel_of_b(pixels.y, texel), texel_of_b(pixels.z, texel), texel_of_b(pixels.w, texel),
  );
}
