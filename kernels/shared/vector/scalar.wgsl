// Rows read element by element: for rows of any length. Same names as vec4.wgsl.
alias vector = elem;
alias vector32 = f32;
alias result_vector = result;
const VECTOR = 1u;

fn sum_of(p: vector32) -> f32 { return p; }
fn max_of(p: vector32) -> f32 { return p; }
fn vector_of(four: vec4f) -> vector32 { return four.x; }
