// ln x, −∞ at 0, NaN below. Linked with ../shared/log.wgsl.
fn value(x: vec4f) -> vec4f { return log_of_four(x); }
fn gradient(x: vec4f, dy: vec4f) -> vec4f { return dy / x; }
