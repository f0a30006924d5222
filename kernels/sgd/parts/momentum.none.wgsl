// No momentum, so nothing is kept. A group that asks for one all the same gets NaN, and not a step that leaves it
// out. Linked with special.wgsl.
fn gathered(i: u32, g: vector32, momentum: f32) -> vector32 {
  if (momentum != 0.0) { return vector_of(nan_of(vec4f(momentum))); }
  return g;
}
