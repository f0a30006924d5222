// √x, NaN below 0. The gradient at 0 is dy/0 = ±∞.
fn value(x: vec4f) -> vec4f { return select(sqrt(x), nan_of(x), is_negative(x) | is_nan(x)); }
fn gradient(y: vec4f, dy: vec4f) -> vec4f { return dy / (2.0 * y); }
