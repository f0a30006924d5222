// The activation of each element of a vector of four.
fn activation_each(x: vector32) -> vector32 { return vec4f(activation(x.x), activation(x.y), activation(x.z), activation(x.w)); }
fn derivative_each(x: vector32) -> vector32 { return vec4f(activation_derivative(x.x), activation_derivative(x.y), activation_derivative(x.z), activation_derivative(x.w)); }
