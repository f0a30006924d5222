// The gradient that reached x around the normalisation, in a residual block: added where dx is made, so that it is read once.
@group(0) @binding(7) var<storage, read> residual: array<result_pack>;   // [rows, packs]

fn residual_at(i: u32) -> pack32 { return pack32(residual[i]); }
