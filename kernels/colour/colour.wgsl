// Second stage of colour jitter, pixel by pixel: the steps in the order of the frame, gray if it is to be, and
// (rgb − mean) / std. The mean gray of a frame comes as sums of its splits, which every lane adds up, in their order. A
// frame without steps and not gray has the bits of the third alone. Linked with engine/flat.wgsl, special.wgsl and
// parts/steps.wgsl.

struct Params {
  n: u32, tile: u32,   // pixels that are bound, and those of a workgroup
  area: u32,           // pixels of a frame
  splits: u32,         // of a frame
  first: u32,          // frame that rgb begins with
  mean_r: f32, mean_g: f32, mean_b: f32, std_r: f32, std_g: f32, std_b: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> rgb: array<f32>;           // [frames, 3, area], in [0, 255]
@group(0) @binding(2) var<storage, read> table: array<Colouring>;   // of all frames
@group(0) @binding(3) var<storage, read> partial: array<f32>;       // [frames, splits]
@group(0) @binding(4) var<storage, read_write> y: array<result>;    // [frames, 3, area]

@compute @workgroup_size(WORKGROUP)
fn colour(lanes: Lanes) {
  let mean = vec3f(params.mean_r, params.mean_g, params.mean_b);
  let deviation = vec3f(params.std_r, params.std_g, params.std_b);
  let tile = tile_of(lanes, params.tile, params.n);
  for (var i = tile.first; i < tile.end; i += WORKGROUP) {
    let frame = i / params.area;
    let place = 3u * frame * params.area + i % params.area;
    let colouring = table[params.first + frame];
    var v = seen(vec3f(rgb[place], rgb[place + params.area], rgb[place + 2u * params.area]));
    for (var k = 0u; k < MOST_STEPS; k++) {
      let step = step_of(colouring, k);
      if (step == NOTHING) { break; }
      var gray = 0.0;
      if (step == CONTRAST) { gray = mean_gray(frame); }
      v = stepped(v, step, colouring, gray);
    }
    if (colouring.gray != 0u) { v = vec3f(gray_of(v)); }
    let value = (v - mean) / deviation;
    for (var channel = 0u; channel < 3u; channel++) { y[place + channel * params.area] = result(value[channel]); }
  }
}

fn mean_gray(frame: u32) -> f32 {
  var sum = 0.0;
  for (var s = 0u; s < params.splits; s++) { sum += partial[frame * params.splits + s]; }
  return sum / f32(params.area);
}
