// What is in a vector of four, combined. `k` is the place of the vector in its row. Same function as fold.scalar.wgsl.
fn folded(p: vector32, k: u32) -> state {
  let at = 4u * k;
  return combine(combine(state_of(p.x, at), state_of(p.y, at + 1u)), combine(state_of(p.z, at + 2u), state_of(p.w, at + 3u)));
}
