// Gradient of patchify for its weight: dweight[n, k] = Σ_m dy[m, n] · patch(m)[k], dyᵀ times the patches. The sum runs
// over all patches: split-K cuts it where a small weight alone gives too little parallel work.
//   a: dy [M, N], transposed     b: pixels [F, 3, S, S], as patches [M, K]     y: dweight [splits, N, K]
// Linked with parts/patch.wgsl, and, as any product, with the loops of ../shared/product and places of a and y.

fn inner_in_b(m: vec4u) -> vec4u { return patch_start(m); }
fn column_in_b(k: vec4u) -> vec4u { return patch_offset(k); }
