// The gradient that reached x from other uses: added where dx is made, so that it is read once.
@group(0) @binding(3) var<storage, read> others: array<result_pack>;   // shaped as `dx`

fn others_at(i: u32) -> pack32 { return pack32(others[i]); }
