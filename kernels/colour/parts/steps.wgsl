// The steps of colour jitter on one pixel in [0, 255], as torchvision's ColorJitter takes them on pictures of Pillow,
// but without rounding to whole numbers in between. Linked with special.wgsl.

// What becomes of the colours of a frame.
struct Colouring {
  brightness: f32, contrast: f32, saturation: f32,   // 1 changes nothing
  hue: f32,                                          // in turns of the colour circle
  order: u32,                                        // which step comes when: four bits each, the first one lowest
  gray: u32,                                         // 1 if it is gray in the end
}

const MOST_STEPS = 4u;
const NOTHING = 0u;
const BRIGHTNESS = 1u;
const CONTRAST = 2u;
const SATURATION = 3u;
const HUE = 4u;

fn step_of(colouring: Colouring, k: u32) -> u32 { return extractBits(colouring.order, 4u * k, 4u); }

// Luma of ITU-R BT.601.
fn gray_of(v: vec3f) -> f32 { return dot(v, vec3f(0.299, 0.587, 0.114)); }

// A pixel after one step. `mean` is the gray of its frame in the mean, as it is before contrast.
fn stepped(v: vec3f, step: u32, colouring: Colouring, mean: f32) -> vec3f {
  switch step {
    case BRIGHTNESS: { return clamped(colouring.brightness * v); }
    case CONTRAST: { return clamped(mean + colouring.contrast * (v - mean)); }
    case SATURATION: { return clamped(gray_of(v) + colouring.saturation * (v - gray_of(v))); }
    case HUE: { return turned(v, colouring.hue); }
    default: { return v; }
  }
}

// Within [0, 255]. NaN stays NaN, which clamp() may hide.
fn clamped(v: vec3f) -> vec3f { return select(clamp(v, vec3f(0.0), vec3f(255.0)), v, is_nan(v.xyzz).xyz); }

// The same value and saturation, with the hue turned: Smith 1978, "Color gamut transform pairs", hexcone model. The hue
// is counted in sixths of the circle from red on. Whatever it is, one channel is the highest and one the lowest.
fn turned(v: vec3f, turn: f32) -> vec3f {
  let highest = max(v.r, max(v.g, v.b));
  let range = highest - min(v.r, min(v.g, v.b));
  if (range == 0.0) { return v; }   // a gray has no hue
  var hue = 4.0 + (v.r - v.g) / range;
  if (v.g == highest) { hue = 2.0 + (v.b - v.r) / range; }
  if (v.r == highest) { hue = (v.g - v.b) / range; }
  let place = vec3f(5.0, 3.0, 1.0) + hue + 6.0 * turn;
  let around = place - 6.0 * floor(place / 6.0);
  let shifted = highest - range * clamp(min(around, 4.0 - around), vec3f(0.0), vec3f(1.0));
  return select(shifted, v, is_nan(v.xyzz).xyz);
}

// A pixel that is not finite is NaN in all channels, so that no step hides it.
fn seen(v: vec3f) -> vec3f {
  let is_lost = any(is_nan(v.xyzz) | is_infinite(v.xyzz));
  return select(v, nan_of(v.xyzz).xyz, is_lost);
}
