// Where the numbers of both operands lie in memory.

fn row_in_a(m: vec4u) -> vec4u { return windows_of(m) * params.channels; }
fn inner_in_a(k: vec4u) -> vec4u {
  let at = taps_of(k);
  return at.pixel * params.channels + at.channel;
}

// From one number of a tap of the weight to the same of the next tap, and of the next O.
fn tap_step() -> u32 { return select(params.columns, params.channels, TRANSPOSE_B); }
fn outer_step() -> u32 { return params.taps * tap_step(); }

fn inner_in_b(k: vec4u) -> vec4u {
  let at = taps_of(k);
  return at.weight * tap_step() + at.channel * select(outer_step(), 1u, TRANSPOSE_B);
}
fn column_in_b(n: vec4u) -> vec4u { return n * select(1u, outer_step(), TRANSPOSE_B); }
