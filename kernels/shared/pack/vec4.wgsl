// Rows read in packs of four: for rows whose length is a multiple of 4. One load serves four elements.
alias pack = vec4<elem>;            // as stored
alias pack32 = vec4f;               // as computed with
alias result_pack = vec4<result>;   // as results are stored
const PACK = 4u;

fn sum_of(p: pack32) -> f32 { return (p.x + p.y) + (p.z + p.w); }
fn max_of(p: pack32) -> f32 { return max(max(p.x, p.y), max(p.z, p.w)); }
fn pack_of(four: vec4f) -> pack32 { return four; }
