// 1 where a ≤ b, else 0, as where either is NaN. A step: no gradient. a ≥ b is b ≤ a.
fn value(a: vec4f, b: vec4f) -> vec4f { return select(vec4f(), vec4f(1.0), (a <= b) & !is_nan(a) & !is_nan(b)); }
