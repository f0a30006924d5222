// Places in a row of the numbers of a vector: here of a single one. Same names as places.vec4.wgsl.
alias word = u32;
fn places_of(k: u32) -> word { return k; }
