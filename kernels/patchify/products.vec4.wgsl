/// Products of a row with four columns, four elements of depth at once: the columns of a matrix are dotted with the row.
fn products(row: vector32, columns: array<vector32, 4>) -> vector32 { return row * mat4x4f(columns[0], columns[1], columns[2], columns[3]); }
