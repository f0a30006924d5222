/// Product of a row with one column, one element of depth.
fn products(row: vector32, columns: array<vector32, 1>) -> vector32 { return row * columns[0]; }
