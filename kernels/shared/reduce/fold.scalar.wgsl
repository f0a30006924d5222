// What is in a vector, combined: here a single number. `k` is the place of the vector in its row. Same function as fold.vec4.wgsl.
fn folded(p: vector32, k: u32) -> state { return state_of(p, k); }
