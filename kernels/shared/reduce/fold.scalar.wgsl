// What is in a pack, combined: here a single number. `k` is the place of the pack in its row. Same function as fold.vec4.wgsl.
fn folded(p: pack32, k: u32) -> state { return state_of(p, k); }
