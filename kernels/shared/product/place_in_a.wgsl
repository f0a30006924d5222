// Where op(A)[m, k] lies in a matrix: at row_in_a(m) + inner_in_a(k), for four elements at once.
fn row_in_a(m: vec4u) -> vec4u { return m * select(params.inner, 1u, TRANSPOSE_A); }
fn inner_in_a(k: vec4u) -> vec4u { return k * select(1u, params.rows, TRANSPOSE_A); }
