// The largest number has the highest rank.
fn directed(order: word) -> word { return order; }
