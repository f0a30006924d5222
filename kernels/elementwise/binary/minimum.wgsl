// The smaller of a and b, NaN if either is; at ties each gets half of dy. min() alone would hide a NaN.
fn value(a: vec4f, b: vec4f) -> vec4f { return select(min(a, b), nan_of(a), is_nan(a) | is_nan(b)); }
fn gradient_a(a: vec4f, b: vec4f, dy: vec4f) -> vec4f {
  return select(select(select(vec4f(), 0.5 * dy, a == b), dy, a < b), dy, is_nan(a) | is_nan(b));
}
fn gradient_b(a: vec4f, b: vec4f, dy: vec4f) -> vec4f { return gradient_a(b, a, dy); }
