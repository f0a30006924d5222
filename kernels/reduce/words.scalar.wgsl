// The bits of a pack, and what goes with each number of it. Same name as words.vec4.wgsl.
alias word = u32;
