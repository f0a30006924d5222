// All pixels of a window have the same share, those of the padding too.
fn share_of(at: u32, tap: u32) -> vector32 { return params.factor * vector32(dy[at]); }
