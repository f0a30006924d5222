// Nothing else reached x.
fn others_at(i: u32) -> pack32 { return pack32(); }
