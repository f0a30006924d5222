// Parameters that are stored as they are updated, in f32.
fn show(i: u32, value: vector32) {}
