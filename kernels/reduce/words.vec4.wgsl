// The bits of a vector of four, and what goes with each number of it. Same name as words.scalar.wgsl.
alias word = vec4u;
