// A mask as it lies in memory: of each head, or all, of each sample, kind of windows, or all, a row of S numbers for
// each query. Linked with problem.wgsl. Same names as mask.texture.wgsl.

@group(0) @binding(4) var<storage, read> mask: array<elem>;   // B, kinds or 1 × H or 1 × L rows of S; if MASKED

// What is added to the logit of query l and key s, by a mask that starts at `start`.
fn mask_of(start: u32, l: u32, s: u32) -> f32 {
  return f32(mask[start + min(l, params.queries - 1u) * params.keys + min(s, params.keys - 1u)]);
}

// The same for queries `l` and one key.
fn mask_of_four(start: u32, l: vec4u, s: u32) -> vec4f {
  return vec4f(mask_of(start, l.x, s), mask_of(start, l.y, s), mask_of(start, l.z, s), mask_of(start, l.w, s));
}
