// Sums within a vector of one. Same functions as running.vec4.wgsl.
fn running(p: vector32) -> vector32 { return p; }
fn shifted(sums: vector32) -> vector32 { return 0.0; }
fn last_of(sums: vector32) -> f32 { return sums; }
fn turned(p: vector32, is_turned: bool) -> vector32 { return p; }
