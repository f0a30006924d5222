// Where op(B)[k, n] lies in a matrix: at inner_in_b(k) + column_in_b(n), for four elements at once.
fn inner_in_b(k: vec4u) -> vec4u { return k * select(params.columns, 1u, TRANSPOSE_B); }
fn column_in_b(n: vec4u) -> vec4u { return n * select(1u, params.inner, TRANSPOSE_B); }
