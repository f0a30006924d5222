// What of dy a ReLU lets through: all of it where y is above 0, or a NaN.
fn passed(i: u32) -> vector32 {
  let g = vector32(dy[i]);
  if (!RELU) { return g; }
  return vector_of(select(vec4f(g), vec4f(), is_zero(vec4f(vector32(y[i])))));
}
