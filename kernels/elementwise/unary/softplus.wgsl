// ln(1 + eˣ) = max(x, 0) + ln(1 + e^−|x|), where nothing overflows. NaN, which max() hides, comes with the logarithm.
// Linked with ../shared/log.wgsl.
fn value(x: vec4f) -> vec4f { return max(x, vec4f()) + log1p_of_four(exp_of_four(-abs(x))); }
fn gradient(x: vec4f, dy: vec4f) -> vec4f { return dy * sigmoid_of_four(x); }
