// Parameters that kernels read as f16: each is rounded beside its master, which keeps the digits that small updates add up in.
@group(0) @binding(8) var<storage, read_write> shadow: array<result_pack>;   // n packs

fn show(i: u32, value: pack32) { shadow[i] = result_pack(value); }
