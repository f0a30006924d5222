// Sums within a pack of one. Same functions as running.vec4.wgsl.
fn running(p: pack32) -> pack32 { return p; }
fn shifted(sums: pack32) -> pack32 { return 0.0; }
fn last_of(sums: pack32) -> f32 { return sums; }
fn turned(p: pack32, is_turned: bool) -> pack32 { return p; }
