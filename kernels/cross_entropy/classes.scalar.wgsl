// Class numbers of a vector of one.
fn classes_of(p: u32) -> u32 { return p; }
fn classes_like(label: u32) -> u32 { return label; }
