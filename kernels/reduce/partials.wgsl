// What reduce.wgsl combines in its second pass: results of bands, each with the mark that it got in the first.
@group(0) @binding(1) var<storage, read> x: array<vector>;        // [outer, bands, inner]
@group(0) @binding(4) var<storage, read> marked: array<word>;   // the same

fn load(at: u32, k: u32) -> state { return state(rank_of(vector32(x[at])), marked[at]); }
