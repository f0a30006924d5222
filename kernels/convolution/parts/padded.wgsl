// Where a pixel of a padded picture is from.
struct Params {
  frames: u32,
  x0: u32, x1: u32, x2: u32,                        // extents of the tensor, outermost first
  step0: u32, step1: u32, step2: u32,               // from one pixel that the picture has to the next
  before0: u32, before1: u32, before2: u32,         // pixels of zeros ahead of it
  padded0: u32, padded1: u32, padded2: u32,         // extents with those on both sides
  per_padded0: f32, per_padded1: f32, per_padded2: f32,
  channels: u32,
  texels: u32, per_texel: f32,                      // of a pixel in a panel
  layers: u32, height: u32,                         // of a panel, and the lines of a layer that are used
}

@group(0) @binding(0) var<uniform> params: Params;

struct Origin { pixel: u32, exists: bool, is_there: bool }   // exists: there is such a padded pixel

fn origin_of(padded: u32) -> Origin {
  let row = quotient(vec4u(padded), params.per_padded2);
  let plane = quotient(row, params.per_padded1);
  let frame = quotient(plane, params.per_padded0).x;
  let own = vec3u(plane.x - frame * params.padded0, row.x - plane.x * params.padded1, padded - row.x * params.padded2)
    - vec3u(params.before0, params.before1, params.before2);   // what lies ahead wraps
  let at = own * vec3u(params.step0, params.step1, params.step2);
  let pixel = ((frame * params.x0 + at.x) * params.x1 + at.y) * params.x2 + at.z;
  let exists = frame < params.frames;
  return Origin(pixel, exists, exists && all(at < vec3u(params.x0, params.x1, params.x2)));
}
