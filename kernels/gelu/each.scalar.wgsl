// The activation of a pack of one element. Same names as each.vec4.wgsl.
fn activation_each(x: pack32) -> pack32 { return activation(x); }
fn slope_each(x: pack32) -> pack32 { return activation_slope(x); }
