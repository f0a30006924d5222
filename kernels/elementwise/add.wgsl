fn combine(a: pack32, b: pack32) -> pack32 { return a + b; }
