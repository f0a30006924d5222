// A mask in a texture, where mask_into.texture.wgsl laid it: a texel has one key and four queries, so a lane of the
// quad rungs finds all that it needs for a key by one load. Software adapters load a texel in less than half of the
// time that a vector of a buffer takes them. Linked with problem.wgsl. Same names as mask.memory.wgsl.
//
// Constants:
// HEIGHT: rows of a layer

@group(0) @binding(4) var mask: texture_storage_2d_array<rgba32float, read>;

// What is added to the logits of queries l to l + 3, of which l is a multiple of four, and key s.
fn texel_of(start: u32, l: u32, s: u32) -> vec4f {
  let query = params.earlier + l;
  let row = start + query / 32u * params.keys + min(s, params.keys - 1u);
  return textureLoad(mask, vec2u(query % 32u / 4u, row % HEIGHT), row / HEIGHT);
}

fn mask_of(start: u32, l: u32, s: u32) -> f32 { return texel_of(start, l, s)[l % 4u]; }
fn mask_of_four(start: u32, l: vec4u, s: u32) -> vec4f { return texel_of(start, l.x, s); }
