// The mark of an element is 1; those of one rank are counted.
const NO_MARK = 0u;
fn mark_of(k: u32) -> word { return word(1u); }
fn joined_marks(a: word, b: word) -> word { return a + b; }
