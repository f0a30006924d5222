// Where C[m, n] lies in a matrix: at row_in_y(m) + column_in_y(n), for four elements at once.
fn row_in_y(m: vec4u) -> vec4u { return m * params.columns; }
fn column_in_y(n: vec4u) -> vec4u { return n; }
