// Patchify: y[m, n] = Σ_k patch(m)[k] · weight[n, k], a convolution whose kernel is as large as its stride, and so a
// matrix product whose rows of A are gathered from the frames as they are loaded. Dosovitskiy et al. 2021,
// arXiv:2010.11929, eq. 1, without the bias.
//   a: pixels [F, 3, S, S], as patches [M, K]     b: weight [N, K]     y: [M, N]     M = F · SIDE², K = 3 · PATCH²
// Linked with parts/patch.wgsl, and, as any product, with the loops of ../shared/product and places of b and y.

fn row_in_a(m: vec4u) -> vec4u { return patch_start(m); }
fn inner_in_a(k: vec4u) -> vec4u { return patch_offset(k); }
