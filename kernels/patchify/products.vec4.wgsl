/// Products of a row with four columns, four elements of depth at once: the columns of a matrix are dotted with the row.
fn products(row: pack32, columns: array<pack32, 4>) -> pack32 { return row * mat4x4f(columns[0], columns[1], columns[2], columns[3]); }
