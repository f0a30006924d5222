// The bits of a vector, and what goes with each number of it. Same name as words.vec4.wgsl.
alias word = u32;
