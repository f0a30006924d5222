// Gradient of patchify for the pixels: dpatch(m)[k] = Σ_n dy[m, n] · weight[n, k]. Patches do not overlap, so every
// pixel is stored once, where its patch has it.
//   a: dy [M, N]     b: weight [N, K]     y: dpixels [F, 3, S, S], as patches [M, K]
// Linked with parts/patch.wgsl, and, as any product, with the loops of ../shared/product and places of a and b.

fn row_in_y(m: vec4u) -> vec4u { return patch_start(m); }
fn column_in_y(k: vec4u) -> vec4u { return patch_offset(k); }
