// Windows of pictures [frames, extents …, C], channels last, on up to three axes; of fewer axes the outer ones have an
// extent of 1. On each axis window o covers the pixels o · stride − padding + k, k < kernel, as far as there are any.

struct Params {
  n: u32, tile: u32,                        // vectors of this range, and those of a workgroup
  channels: u32,                            // of a pixel, in vectors
  x0: u32, x1: u32, x2: u32,                // extents of x, outermost first
  y0: u32, y1: u32, y2: u32,                // those of y, which has a pixel for each window
  kernel0: u32, kernel1: u32, kernel2: u32,
  stride0: u32, stride1: u32, stride2: u32,
  padding0: u32, padding1: u32, padding2: u32,
  factor: f32,                              // of a sum
}

@group(0) @binding(0) var<uniform> params: Params;

fn x_extents() -> vec3u { return vec3u(params.x0, params.x1, params.x2); }
fn y_extents() -> vec3u { return vec3u(params.y0, params.y1, params.y2); }
fn kernel() -> vec3u { return vec3u(params.kernel0, params.kernel1, params.kernel2); }
fn stride() -> vec3u { return vec3u(params.stride0, params.stride1, params.stride2); }
fn padding() -> vec3u { return vec3u(params.padding0, params.padding1, params.padding2); }

// Where a vector lies: its frame, its pixel, and which of the pixel's vectors it is.
struct Place { frame: u32, pixel: vec3u, channel: u32 }

fn place_of(i: u32, extents: vec3u) -> Place {
  let pixel = i / params.channels;
  let row = pixel / extents.z;
  let plane = row / extents.y;
  let at = vec3u(plane % extents.x, row % extents.y, pixel % extents.z);
  return Place(plane / extents.x, at, i % params.channels);
}

fn vector_number(place: Place, extents: vec3u) -> u32 {
  let row = (place.frame * extents.x + place.pixel.x) * extents.y + place.pixel.y;
  return (row * extents.z + place.pixel.z) * params.channels + place.channel;
}

// The number of a place in a window, the last axis fastest.
fn tap_number(tap: vec3u) -> u32 { return (tap.x * params.kernel1 + tap.y) * params.kernel2 + tap.z; }
