/// Product of a row with one column, one element of depth.
fn products(row: pack32, columns: array<pack32, 1>) -> pack32 { return row * columns[0]; }
