// Dropout: y = x · kept / (1 − rate), kept being 1 or 0; the gradient is the same kernel on dy. 0 · x is NaN if x is
// not finite, as in torch. Srivastava et al. 2014, section 4 (scaled in training, so that evaluation needs no
// change). Dropping whole branches of a residual network is the same with one draw per index of a dimension: Huang et
// al. 2016, arXiv:1603.09382. The mask is never stored: it is a function of (seed, step, layer, index), drawn again
// backward. A lane takes four neighbouring elements at a time, since Philox gives four words at once.
// Linked with engine/flat.wgsl, philox.wgsl and special.wgsl.

struct Params {
  n: u32, tile: u32,            // elements that are bound, and fours of them that a workgroup takes
  first: u32,                   // element of [outer, extent, inner] that x begins with
  extent: u32, inner: u32,
  layer: u32, rate: f32,
}

// Where random numbers come from in this step.
struct Draw { seed_low: u32, seed_high: u32, step: u32, unused: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<elem>;           // [n]
@group(0) @binding(2) var<storage, read> draw: Draw;
@group(0) @binding(3) var<storage, read_write> y: array<result>;   // [n]

const NOTHING = 0xffffffffu;   // no four indices have this number

@compute @workgroup_size(WORKGROUP)
fn dropout(lanes: Lanes) {
  let tile = tile_of(lanes, params.tile, (params.n + 3u) / 4u);
  for (var four = tile.first; four < tile.end; four += WORKGROUP) {
    var drawn = NOTHING;
    var words: vec4u;
    for (var i = 4u * four; i < min(4u * four + 4u, params.n); i++) {
      let index = (params.first + i) / params.inner % params.extent;   // elements of one index share their draw
      if (index / 4u != drawn) {
        drawn = index / 4u;
        words = philox(vec4u(drawn, params.layer, draw.step, 0u), vec2u(draw.seed_low, draw.seed_high));
      }
      let uniform_draw = f32(words[index % 4u] >> 8u) / 16777216.0;   // 24 bits, in [0, 1)
      let own = vec4f(f32(x[i]));
      let dropped = select(0.0, nan_of(own).x, (is_nan(own) | is_infinite(own)).x);   // compilers may take 0 · x for 0
      y[i] = result(select(dropped, own.x / (1.0 - params.rate), uniform_draw >= params.rate));
    }
  }
}
