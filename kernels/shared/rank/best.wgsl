// The best of what was looked at so far: its rank, and the mark of the elements that have it. first.wgsl marks elements
// by their place and keeps the lowest one; other parts join marks in another way.
// Linked with such a part.

struct state { rank: word, mark: word }

// Below every number; joined with another mark, NO_MARK leaves it as it is.
fn identity() -> state { return state(word(), word(NO_MARK)); }

// The higher rank wins; where both are equal, their marks are joined.
fn combine(a: state, b: state) -> state {
  let a_mark = select(word(NO_MARK), a.mark, a.rank >= b.rank);
  let b_mark = select(word(NO_MARK), b.mark, b.rank >= a.rank);
  return state(max(a.rank, b.rank), joined_marks(a_mark, b_mark));
}
