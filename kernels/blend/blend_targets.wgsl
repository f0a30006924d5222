// Soft targets of a batch that is mixed, from one label per sample. Zhang et al. 2018, arXiv:1710.09412, eq. 1.
//   target[b, k] = λ · s(label[b], k) + (1 − λ) · s(label[partner[b]], k)
//   s(label, k) = on where k is the label, else off   (smoothing: Szegedy et al. 2016, arXiv:1512.00567, section 7)
// A label that names no class, and a partner that does not exist, make the row NaN. The matrix is small: it is stored,
// and cross-entropy need not know of partners. Linked with engine/flat.wgsl, special.wgsl and parts/mix.wgsl.

// Elements that are bound, and those of a workgroup; first row that is bound.
struct Params { n: u32, tile: u32, batch: u32, classes: u32, first: u32, on: f32, off: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> labels: array<u32>;        // [batch]
@group(0) @binding(2) var<storage, read> partner: array<u32>;       // [batch]
@group(0) @binding(3) var<storage, read> mix: Mix;
@group(0) @binding(4) var<storage, read_write> targets: array<f32>; // [rows, classes], n elements

fn smoothed(label: u32, k: u32) -> f32 { return select(params.off, params.on, label == k); }

@compute @workgroup_size(WORKGROUP)
fn blend_targets(lanes: Lanes) {
  let tile = tile_of(lanes, params.tile, params.n);
  for (var i = tile.first; i < tile.end; i += WORKGROUP) {
    let b = params.first + i / params.classes;
    let k = i % params.classes;
    let chosen = partner[b];
    let own = labels[b];
    let other = labels[min(chosen, params.batch - 1u)];
    let mixed = mix.keep_label * smoothed(own, k) + (1.0 - mix.keep_label) * smoothed(other, k);
    let is_known = chosen < params.batch && max(own, other) < params.classes;
    targets[i] = select(nan_of(vec4f(f32(own))).x, mixed, is_known);
  }
}
