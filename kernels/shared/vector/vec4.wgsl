// Tensors read in vectors of four elements: for rows whose length is a multiple of 4. One load serves four elements.
alias vector = vec4<elem>;            // as stored
alias vector32 = vec4f;               // as computed with
alias result_vector = vec4<result>;   // as results are stored
alias vector_u32 = vec4u;             // numbers of elements
const VECTOR = 4u;

fn sum_of(p: vector32) -> f32 { return (p.x + p.y) + (p.z + p.w); }
fn max_of(p: vector32) -> f32 { return max(max(p.x, p.y), max(p.z, p.w)); }
// What was computed of four elements at once, as a vector. For single elements (scalar.wgsl) only the first of the four
// counts, and compilers leave out what the others need.
fn vector_of(four: vec4f) -> vector32 { return four; }
// The numbers of the elements of vector i.
fn elements_of(i: u32) -> vector_u32 { return VECTOR * i + vec4u(0u, 1u, 2u, 3u); }
// Of four elements, the vector that element j is stored in: here all of them, in scalar.wgsl that one.
fn vector_at(four: vec4f, j: u32) -> vector32 { return four; }
// Four elements in a row, of the vectors in which each of them lies: the same one.
fn four_in_row(a: vector, b: vector, c: vector, d: vector) -> vec4<elem> { return a; }
