// Matrices are multiplied in f32, however tensors are stored: for units that add up in f32 only what they multiply in
// f32. Same alias as elem.stored.wgsl.
alias matrix_elem = f32;
