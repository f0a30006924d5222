// Targets as given: a distribution, or anything else, over the classes of each row. Same function as target.label.wgsl.

@group(0) @binding(2) var<storage, read> targets: array<vector>;   // [rows, cols]

fn target_at(row: u32, i: u32) -> vector32 { return vector32(targets[row * (params.cols / VECTOR) + i]); }
