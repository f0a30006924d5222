// The activation of a vector of one element. Same names as each.vec4.wgsl.
fn activation_each(x: vector32) -> vector32 { return activation(x); }
fn derivative_each(x: vector32) -> vector32 { return activation_derivative(x); }
