// The filter of a bicubic resize, with a = −½. Keys 1981, "Cubic convolution interpolation for digital image
// processing", eq. 15.
const REACH = 2.0;
fn weight(x: f32) -> f32 {
  let d = abs(x);
  if (d < 1.0) { return (1.5 * d - 2.5) * d * d + 1.0; }
  if (d < 2.0) { return ((-0.5 * d + 2.5) * d - 4.0) * d + 2.0; }
  return 0.0;
}
