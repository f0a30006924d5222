// What is said of windows, and of channels on both sides of them.
struct Params {
  n: u32, tile: u32,                        // results of this range, and those of a workgroup
  groups: u32,                              // the channels of x and of y are cut into so many
  inner: u32,                               // channels of x in a group, in vectors
  outer: u32,                               // channels of y in a group
  taps: u32,                                // places of a window
  frames: u32,                              // of this range
  x0: u32, x1: u32, x2: u32,                // extents of x, outermost first
  y0: u32, y1: u32, y2: u32,                // those of y, which has a pixel for each window
  kernel0: u32, kernel1: u32, kernel2: u32,
  stride0: u32, stride1: u32, stride2: u32,
  padding0: u32, padding1: u32, padding2: u32,
  dilation0: u32, dilation1: u32, dilation2: u32,
}

@group(0) @binding(0) var<uniform> params: Params;

// Where the channels of a group begin: of a pixel of x, in vectors, and of a window of y.
fn x_start(pixel: u32, group: u32) -> u32 { return (pixel * params.groups + group) * params.inner; }
fn y_start(window: u32, group: u32) -> u32 { return (window * params.groups + group) * params.outer; }
// Where the weights of a channel of y begin for a place of its window, in vectors.
fn weight_start(o: u32, tap: u32) -> u32 { return (o * params.taps + tap) * params.inner; }
