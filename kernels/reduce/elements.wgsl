// What reduce.wgsl combines: the elements themselves.
@group(0) @binding(1) var<storage, read> x: array<pack>;   // [outer, extent, inner], from pack `x_first` on

fn load(at: u32, k: u32) -> state { return state_of(pack32(x[at]), k); }
