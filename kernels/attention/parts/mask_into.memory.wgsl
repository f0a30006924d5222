// Where masks of windows are stored: in memory, a row of N numbers for each query. Same names as
// mask_into.texture.wgsl.

@group(0) @binding(2) var<storage, read_write> mask: array<result>;   // [masks, N, N]

// The first of four queries, and the key, of lane i: neighbours store neighbours of a row.
fn pair_of(i: u32) -> vec2u { return vec2u(4u * (i / params.tokens), i % params.tokens); }

// Numbers of mask `number` for queries l to l + 3 and key s.
fn store_mask(number: u32, l: u32, s: u32, four: vec4f) {
  let n = params.tokens;
  for (var j = 0u; j < min(4u, n - l); j++) { mask[(number * n + l + j) * n + s] = result(four[j]); }
}
