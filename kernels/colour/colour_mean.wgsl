// First stage of colour jitter: contrast blends a frame with its mean gray, so that is summed first, in splits of SPLIT
// pixels.
//   partial[f, s] = Σ gray, over the pixels of split s of frame f, after the steps that come before contrast
// A split is a row of a subgroup or of a workgroup. Of frames without contrast nothing is read. Linked with
// parts/steps.wgsl, special.wgsl, and row/subgroup.wgsl or row/tree.wgsl.
//
// Constants:
//   SPLIT   pixels of a split

struct Params {
  rows: u32,     // splits of all frames
  splits: u32,   // of a frame
  area: u32,     // pixels of a frame
  first: u32,    // frame that rgb begins with
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> rgb: array<f32>;             // [frames, 3, area]
@group(0) @binding(2) var<storage, read> table: array<Colouring>;     // of all frames
@group(0) @binding(3) var<storage, read_write> partial: array<f32>;   // [frames, splits]

@compute @workgroup_size(WORKGROUP)
fn colour_mean(lanes: Lanes) {
  let row = row_of(lanes);
  let frame = min(row, params.rows - 1u) / params.splits;
  let colouring = table[params.first + frame];
  var before = 0u;   // steps before contrast
  while (before < MOST_STEPS && step_of(colouring, before) != CONTRAST) { before++; }
  let start = row % params.splits * SPLIT;
  let end = select(0u, min(start + SPLIT, params.area), row < params.rows && before < MOST_STEPS);
  var sum = 0.0;
  for (var at = start + lanes.lane; at < end; at += row_lanes(lanes)) {
    let place = 3u * frame * params.area + at;
    var v = seen(vec3f(rgb[place], rgb[place + params.area], rgb[place + 2u * params.area]));
    for (var k = 0u; k < before; k++) { v = stepped(v, step_of(colouring, k), colouring, 0.0); }
    sum += gray_of(v);
  }
  let total = row_sum(sum, lanes);
  if (lanes.lane == 0u && row < params.rows) { partial[row] = total; }
}
