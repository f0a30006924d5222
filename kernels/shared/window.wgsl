// Windows of pictures [frames, extents …, C], channels last, on up to three axes; of fewer axes the outer ones have an
// extent of 1. On each axis window o covers the pixels o · stride − padding + k · dilation, k < kernel, as far as there
// are any. What it is linked with has these numbers among its `params`: x, y, kernel, stride, padding and dilation,
// each with 0, 1 and 2 behind it, outermost first.

fn x_extents() -> vec3u { return vec3u(params.x0, params.x1, params.x2); }
// There is a pixel of y for each window.
fn y_extents() -> vec3u { return vec3u(params.y0, params.y1, params.y2); }
fn kernel() -> vec3u { return vec3u(params.kernel0, params.kernel1, params.kernel2); }
fn stride() -> vec3u { return vec3u(params.stride0, params.stride1, params.stride2); }
fn padding() -> vec3u { return vec3u(params.padding0, params.padding1, params.padding2); }
fn dilation() -> vec3u { return vec3u(params.dilation0, params.dilation1, params.dilation2); }

struct Pixel { frame: u32, at: vec3u }

fn pixel_of(number: u32, extents: vec3u) -> Pixel {
  let row = number / extents.z;
  let plane = row / extents.y;
  return Pixel(plane / extents.x, vec3u(plane % extents.x, row % extents.y, number % extents.z));
}

fn number_of_pixel(pixel: Pixel, extents: vec3u) -> u32 {
  let row = (pixel.frame * extents.x + pixel.at.x) * extents.y + pixel.at.y;
  return row * extents.z + pixel.at.z;
}

// The number of a place in a window, the last axis fastest.
fn tap_number(tap: vec3u) -> u32 { return (tap.x * params.kernel1 + tap.y) * params.kernel2 + tap.z; }

// Of a window: its first place that lies in x, and the one behind the last.
fn first_tap(window: vec3u) -> vec3u {
  let start = window * stride();
  return (max(padding(), start) - start + dilation() - 1u) / dilation();
}
fn end_tap(window: vec3u) -> vec3u {
  let reach = x_extents() + padding() - min(window * stride(), x_extents() + padding());
  return min(kernel(), (reach + dilation() - 1u) / dilation());
}

// The pixel that a place of a window covers.
fn covered(window: Pixel, tap: vec3u) -> Pixel {
  return Pixel(window.frame, window.at * stride() + tap * dilation() - padding());
}

// Of a pixel: the first window that may cover it, and the one behind the last.
fn first_window(pixel: vec3u) -> vec3u {
  let reach = (kernel() - 1u) * dilation();
  return (max(pixel + padding() + stride() - 1u, reach) - reach) / stride();
}
fn end_window(pixel: vec3u) -> vec3u { return min((pixel + padding()) / stride() + 1u, y_extents()); }
// How far a pixel lies behind the start of a window: a place of it, times the dilation, if that divides it.
fn offset_in(window: vec3u, pixel: vec3u) -> vec3u { return pixel + padding() - window * stride(); }
