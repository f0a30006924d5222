// Parameters that kernels read as f16: each is rounded beside its master, which keeps the digits that small updates
// add up in.
@group(0) @binding(8) var<storage, read_write> shadow: array<result_vector>;   // n vectors

fn show(i: u32, value: vector32) { shadow[i] = result_vector(value); }
