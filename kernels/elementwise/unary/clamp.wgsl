// x held between params.low and params.high; NaN stays NaN, which clamp() would hide. dy passes from bound to bound,
// both included.
fn value(x: vec4f) -> vec4f { return select(clamp(x, vec4f(params.low), vec4f(params.high)), x, is_nan(x)); }
fn gradient(x: vec4f, dy: vec4f) -> vec4f {
  return select(vec4f(), dy, ((x >= vec4f(params.low)) & (x <= vec4f(params.high))) | is_nan(x));
}
