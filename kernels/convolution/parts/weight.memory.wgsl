// Where the numbers of the picture lie in memory. Those of dy lie as in any product.

fn inner_in_b(w: vec4u) -> vec4u { return windows_of(w) * params.channels; }
fn column_in_b(n: vec4u) -> vec4u {
  let at = taps_of(n);
  return at.pixel * params.channels + at.channel;
}
