// aᵇ. Nothing flows to a where b = 0, nor to b where a = 0 and b ≥ 0, though the formulas have 0 · ∞ there. Linked with
// ../shared/pow.wgsl.
fn value(a: vec4f, b: vec4f) -> vec4f { return pow_of_four(a, b); }
fn gradient_a(a: vec4f, b: vec4f, dy: vec4f) -> vec4f {
  return select(dy * (b * pow_of_four(a, b - 1.0)), vec4f(), is_zero(b));
}
fn gradient_b(a: vec4f, b: vec4f, dy: vec4f) -> vec4f {
  return select(dy * (pow_of_four(a, b) * log_of_four(a)), vec4f(), is_zero(a) & (b >= vec4f()));
}
