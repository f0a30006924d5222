// What is said of windows, and of what is made of them.
struct Params {
  n: u32, tile: u32,                        // vectors of this range, and those of a workgroup
  channels: u32,                            // of a pixel, in vectors
  factor: f32,                              // of a sum
  x0: u32, x1: u32, x2: u32,                // extents of x, outermost first
  y0: u32, y1: u32, y2: u32,                // those of y, which has a pixel for each window
  kernel0: u32, kernel1: u32, kernel2: u32,
  stride0: u32, stride1: u32, stride2: u32,
  padding0: u32, padding1: u32, padding2: u32,
  dilation0: u32, dilation1: u32, dilation2: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
