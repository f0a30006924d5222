// The mark of an element is its place; of elements of one rank the first one counts.
const NO_MARK = 0xffffffffu;
fn mark_of(k: u32) -> word { return word(k); }
fn joined_marks(a: word, b: word) -> word { return min(a, b); }
