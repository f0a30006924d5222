// x above 0, 0 below, NaN for NaN, which max() would hide. Nothing flows at 0.
fn value(x: vec4f) -> vec4f { return select(x, vec4f(), is_negative(x) | is_zero(x)); }
fn gradient(y: vec4f, dy: vec4f) -> vec4f { return select(dy, vec4f(), is_zero(y)); }
