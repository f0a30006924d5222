// Loads of pictures that pack_picture.wgsl laid into textures. For software adapters, as register_tiles.panels.wgsl of
// products: a load from a storage buffer takes more than twice the time of one from a storage texture.
//
// Constants:
// LINES: of a layer
// A_WIDE, B_WIDE: a pixel has a line of its own in each panel, and a panel one layer. Then of two loads side by side
// only one coordinate differs, and compilers work out the others once.

@group(0) @binding(1) var a: texture_storage_2d_array<rgba32float, read>;
@group(0) @binding(2) var b: texture_storage_2d_array<rgba32float, read>;

// The place in a line, and the panel, of texel `i` of a pixel.
fn texel(i: u32) -> vec2u { return vec2u(i % 8u, i / 8u); }

// A texel of a pixel. A panel has eight of them, a line of the texture, or all, where those are fewer: then they follow
// those of the pixel before.
fn texel_of_a(pixel: u32, texel: vec2u) -> vec4f {
  if (A_WIDE) { return textureLoad(a, vec2u(texel.x, pixel), texel.y); }
  let at = pixel * params.a_texels + texel.x;
  return textureLoad(a, vec2u(at % 8u, at / 8u % LINES), texel.y * params.a_layers + at / (8u * LINES));
}
fn texel_of_b(pixel: u32, texel: vec2u) -> vec4f {
  if (B_WIDE) { return textureLoad(b, vec2u(texel.x, pixel), texel.y); }
  let at = pixel * params.b_texels + texel.x;
  return textureLoad(b, vec2u(at % 8u, at / 8u % LINES), texel.y * params.b_layers + at / (8u * LINES));
}

// One texel of four pixels, a column each.
fn texels_of_a(pixels: vec4u, texel: vec2u) -> mat4x4f {
  return mat4x4f(
    texel_of_a(pixels.x, texel), texel_of_a(pixels.y, texel), texel_of_a(pixels.z, texel), texel_of_a(pixels.w, texel),
  );
}
fn texels_of_b(pixels: vec4u, texel: vec2u) -> mat4x4f {
  return mat4x4f(
    texel_of_b(pixels.x, texel), texel_of_b(pixels.y, texel), texel_of_b(pixels.z, texel), texel_of_b(pixels.w, texel),
  );
}
