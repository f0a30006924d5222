// eˣ. The argument is not clamped: clamp() takes NaN to a number on real adapters, and a temperature that went wrong
// must stay visible.
fn value(x: vec4f) -> vec4f { return exp_of_four(x); }
fn gradient(y: vec4f, dy: vec4f) -> vec4f { return dy * y; }
