// Every token asks: no gradient of a query is left to the kernel of the keys. Same name as listeners.some.wgsl.

fn clear_query(s: u32, place: u32) {}
