// Binary cross-entropy of a logit x, −t · ln σ(x) − (1 − t) · ln(1 − σ(x)), from e = e^−|x|, which is never large:
//   max(x, 0) − x · t + ln(1 + e) = |x| · against + ln(1 + e),  against = 1 − t for x ≥ 0, t below
// `against` is the share of the target that x speaks against. The second form has no difference of infinities: an
// infinite logit costs nothing where nothing is against it, and infinitely much elsewhere.
// Linked with exp.wgsl, log.wgsl and special.wgsl.

fn against(x: vec4f, t: vec4f) -> vec4f { return select(t, 1.0 - t, x >= vec4f()); }

fn loss(x: vec4f, t: vec4f) -> vec4f {
  let share = against(x, t);
  let missed = select(abs(x) * share, vec4f(), is_zero(share) & is_infinite(x));   // ∞ · 0
  return missed + log1p_of_four(exp_of_four(-abs(x)));
}

// σ(x) − t: the tail e / (1 + e), and what is against it, taken from one another as they are, because 1 − tail would
// have lost its digits.
fn derivative_of_x(x: vec4f, t: vec4f) -> vec4f {
  let e = exp_of_four(-abs(x));
  let derivative = e / (1.0 + e) - against(x, t);
  return select(derivative, -derivative, x >= vec4f());
}

fn derivative_of_target(x: vec4f, t: vec4f) -> vec4f { return -x; }
