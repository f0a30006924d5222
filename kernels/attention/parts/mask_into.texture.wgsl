// Where masks are stored for the quad rungs: in a texture that mask.texture.wgsl reads. 32 queries are a row of eight
// texels, with four queries each. Of a mask come the rows of the first 32 queries, one for each key, then those of the
// next 32. Rows fill layers of HEIGHT, one after another. Same names as mask_into.memory.wgsl.
//
// Constants:
// HEIGHT: rows of a layer

@group(0) @binding(2) var mask: texture_storage_2d_array<rgba32float, write>;

// The first of four queries, and the key, of lane i: eight neighbours store a row.
fn pair_of(i: u32) -> vec2u {
  let row = i / 8u;
  return vec2u(row / params.tokens * 32u + i % 8u * 4u, row % params.tokens);
}

// Numbers of mask `number` for queries l to l + 3 and key s; l is a multiple of four.
fn store_mask(number: u32, l: u32, s: u32, four: vec4f) {
  let panels = (params.tokens + 31u) / 32u;
  let row = (number * panels + l / 32u) * params.tokens + s;
  textureStore(mask, vec2u(l % 32u / 4u, row % HEIGHT), row / HEIGHT, four);
}
