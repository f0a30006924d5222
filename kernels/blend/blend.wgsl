// Mixes each sample of a batch with another one: MixUp (Zhang et al. 2018, arXiv:1710.09412, eq. 1) and CutMix (Yun
// et al. 2019, arXiv:1905.04899, eq. 1) in one kernel, element by element.
//   outside the box   y[b] = keep · x[b] + (1 − keep) · x[partner[b]]
//   inside the box    y[b] = x[partner[b]]
// MixUp has an empty box; CutMix keeps all of what lies outside (keep = 1). A sample whose partner does not exist is
// NaN. A batch larger than a binding takes a dispatch for each range of samples and each range of partners, which
// leaves alone the samples whose partner is in another range. Linked with engine/flat.wgsl, special.wgsl and
// parts/mix.wgsl.

struct Params {
  n: u32, tile: u32,                     // elements that are bound, and those of a workgroup
  sample: u32, height: u32, width: u32,  // elements of a sample, of a column, of a row
  batch: u32,
  first: u32,                            // sample that x and y begin with
  other_first: u32, other_count: u32,    // samples in `others`
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<elem>;           // [samples, ..., height, width], n elements
@group(0) @binding(2) var<storage, read> partner: array<u32>;      // [batch]
@group(0) @binding(3) var<storage, read> mix: Mix;
@group(0) @binding(4) var<storage, read_write> y: array<elem>;     // shape of x
@group(0) @binding(5) var<storage, read> others: array<elem>;      // [other_count, ..., height, width]; x, if that fits

@compute @workgroup_size(WORKGROUP)
fn blend(lanes: Lanes) {
  let tile = tile_of(lanes, params.tile, params.n);
  for (var i = tile.first; i < tile.end; i += WORKGROUP) {
    let chosen = partner[params.first + i / params.sample];
    if (chosen >= params.batch) { y[i] = elem(nan_of(vec4f(f32(chosen))).x); }
    let other_sample = chosen - params.other_first;   // wraps to a huge number below it
    if (other_sample >= params.other_count) { continue; }
    let column = f32(i % params.width);
    let row = f32((i / params.width) % params.height);
    let is_inside = column >= mix.x1 && column < mix.x2 && row >= mix.y1 && row < mix.y2;
    let own = f32(x[i]);
    let other = f32(others[other_sample * params.sample + i % params.sample]);
    y[i] = elem(select(mix.keep * own + (1.0 - mix.keep) * other, other, is_inside));
  }
}
