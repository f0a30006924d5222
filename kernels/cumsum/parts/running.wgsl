// Cumulative sums within a vector. One element stands for a vector of four equal ones, of which only the first is
// looked at.

// Each element with those before it. The last of four is `sum_of` them.
fn running(p: vector32) -> vector32 {
  let four = vec4f(p);
  let pair = four.x + four.y;
  return vector_of(vec4f(four.x, pair, pair + four.z, pair + (four.z + four.w)));
}

// The same without the element itself.
fn shifted(sums: vector32) -> vector32 { return vector_of(vec4f(0.0, vec4f(sums).xyz)); }

// The vector read from its other end.
fn turned(p: vector32, is_turned: bool) -> vector32 { return vector_of(select(vec4f(p), vec4f(p).wzyx, is_turned)); }
