// Sums over the lanes of a row, which are a subgroup: over those before this one, and over all. All of them must call
// it. Same function as scan.tree.wgsl.
struct Scan { before: f32, total: f32 }

fn row_scan(value: f32, lanes: Lanes) -> Scan { return Scan(subgroupExclusiveAdd(value), subgroupAdd(value)); }
