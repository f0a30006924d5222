// Matrices are multiplied as tensors are stored. Same alias as elem.wide.wgsl.
alias matrix_elem = elem;
