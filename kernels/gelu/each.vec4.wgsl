// The activation of each element of a pack of four.
fn activation_each(x: pack32) -> pack32 { return vec4f(activation(x.x), activation(x.y), activation(x.z), activation(x.w)); }
fn slope_each(x: pack32) -> pack32 { return vec4f(activation_slope(x.x), activation_slope(x.y), activation_slope(x.z), activation_slope(x.w)); }
