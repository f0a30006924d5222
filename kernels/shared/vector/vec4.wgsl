// Rows read in vectors of four: for rows whose length is a multiple of 4. One load serves four elements.
alias vector = vec4<elem>;            // as stored
alias vector32 = vec4f;               // as computed with
alias result_vector = vec4<result>;   // as results are stored
const VECTOR = 4u;

fn sum_of(p: vector32) -> f32 { return (p.x + p.y) + (p.z + p.w); }
fn max_of(p: vector32) -> f32 { return max(max(p.x, p.y), max(p.z, p.w)); }
fn vector_of(four: vec4f) -> vector32 { return four; }
