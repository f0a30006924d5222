// What reduce.wgsl combines: the elements themselves.
@group(0) @binding(1) var<storage, read> x: array<vector>;   // [outer, extent, inner]

fn load(at: u32, k: u32) -> state { return state_of(vector32(x[at]), k); }
