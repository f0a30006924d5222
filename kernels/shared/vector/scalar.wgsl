// Tensors read element by element: for rows of any length. Same names as vec4.wgsl.
alias vector = elem;            // as stored
alias vector32 = f32;           // as computed with
alias result_vector = result;   // as results are stored
alias vector_u32 = u32;         // numbers of elements
const VECTOR = 1u;

fn sum_of(p: vector32) -> f32 { return p; }
fn max_of(p: vector32) -> f32 { return p; }
fn vector_of(four: vec4f) -> vector32 { return four.x; }
fn elements_of(i: u32) -> vector_u32 { return i; }
// Of four elements, the vector that element j is stored in: that one.
fn vector_at(four: vec4f, j: u32) -> vector32 { return four[j]; }
// Four elements in a row, of the vectors in which each of them lies.
fn four_in_row(a: vector, b: vector, c: vector, d: vector) -> vec4<elem> { return vec4<elem>(a, b, c, d); }
