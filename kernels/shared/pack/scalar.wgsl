// Rows read element by element: for rows of any length. Same names as vec4.wgsl.
alias pack = elem;
alias pack32 = f32;
alias result_pack = result;
const PACK = 1u;

fn sum_of(p: pack32) -> f32 { return p; }
fn max_of(p: pack32) -> f32 { return p; }
fn pack_of(four: vec4f) -> pack32 { return four.x; }
