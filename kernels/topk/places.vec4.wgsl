// Places in a row of the numbers of a vector of four. Same names as places.scalar.wgsl.
alias word = vec4u;
fn places_of(k: u32) -> word { return 4u * k + vec4u(0u, 1u, 2u, 3u); }
