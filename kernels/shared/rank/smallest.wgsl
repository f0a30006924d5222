// The smallest number has the highest rank: 2³¹ + s becomes 2³¹ − s. Doing it twice changes nothing.
fn directed(order: word) -> word { return word() - order; }
