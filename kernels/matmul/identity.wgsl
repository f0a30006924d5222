// No activation.
fn activation(x: f32) -> f32 { return x; }
