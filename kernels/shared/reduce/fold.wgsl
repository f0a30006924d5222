// What is in a vector, combined: one element as it is, four in pairs. `k` is the place of the vector in its row.
// Linked with a vector, and with an operation (`state_of`, `combine`) on single numbers.

fn folded(p: vector32, k: u32) -> state {
  let four = vec4f(p);   // of one element, four times the same
  let at = VECTOR * k;
  let first = state_of(four.x, at);
  if (VECTOR == 1u) { return first; }
  let low = combine(first, state_of(four.y, at + 1u));
  return combine(low, combine(state_of(four.z, at + 2u), state_of(four.w, at + 3u)));
}
