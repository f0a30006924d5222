// No momentum, so nothing is kept. A group that asks for one all the same gets NaN, and not a step that leaves it out. Linked with
// special.wgsl.
fn gathered(i: u32, g: pack32, momentum: f32) -> pack32 {
  if (momentum != 0.0) { return pack_of(nan_of(vec4f(momentum))); }
  return g;
}
