// What reduce.wgsl combines in its second pass: results of splits, each with the mark that it got in the first.
@group(0) @binding(1) var<storage, read> x: array<vector>;      // [outer, splits, inner]
@group(0) @binding(4) var<storage, read> marked: array<word>;   // [outer, splits, inner]

fn load(at: u32, k: u32) -> state { return state(rank_of(vector32(x[at])), marked[at]); }
