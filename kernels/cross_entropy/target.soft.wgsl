// Targets as given: a distribution, or anything else, over the classes of each row.

@group(0) @binding(2) var<storage, read> targets: array<pack>;   // [rows, packs]

fn target_at(row: u32, p: u32) -> pack32 { return pack32(targets[row * params.packs + p]); }
