// |x|. Nothing flows at 0.
fn value(x: vec4f) -> vec4f { return abs(x); }
fn gradient(x: vec4f, dy: vec4f) -> vec4f { return select(with_sign(vec4f(1.0), x) * dy, vec4f(), is_zero(x)); }
