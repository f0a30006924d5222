// Where C[m, n] lies: in the pixel that row m makes.
fn row_in_y(m: vec4u) -> vec4u { return pixels_of(m) * params.columns; }
fn column_in_y(n: vec4u) -> vec4u { return n; }
