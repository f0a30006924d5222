// Targets as given: a distribution, or anything else, over the classes of each row.

@group(0) @binding(2) var<storage, read> targets: array<vector>;   // [rows, vectors]

fn target_at(row: u32, p: u32) -> vector32 { return vector32(targets[row * params.vectors + p]); }
