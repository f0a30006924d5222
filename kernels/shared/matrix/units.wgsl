// Matrix units, tensor cores to some: small matrices that the lanes of a subgroup hold together, and multiply in one
// instruction.
//   sum + left · right,  left M × K, right K × N, sum M × N: operands of matrix_elem, of elem.*.wgsl, sums of f32
// Dawn's experimental subgroup matrices. No lane can tell which of the elements are its own, so matrices come from
// workgroup memory and go back there: operands from `halves: array<vec4<matrix_elem>>`, sums from and to `sums_out:
// array<vec4f>`, which the kernel declares. `at`, where a matrix starts, and `stride`, from one of its rows in memory
// to the next, count vectors of four; all lanes of a subgroup must give the same ones. Same names as emulated.wgsl,
// which says in plain WGSL what these functions do.
//
// Constants:
// M, N, K: sizes that the adapter offers
// SUBGROUP: lanes of a subgroup

// WGSL names the columns of a matrix before its rows
alias Left = subgroup_matrix_left<matrix_elem, K, M>;
alias Right = subgroup_matrix_right<matrix_elem, N, K>;
alias Sum = subgroup_matrix_result<f32, N, M>;

fn left_of(at: u32, stride: u32) -> Left { return subgroupMatrixLoad<Left, row_major>(&halves, at, stride); }
fn right_of(at: u32, stride: u32) -> Right { return subgroupMatrixLoad<Right, row_major>(&halves, at, stride); }
fn load_sum(at: u32, stride: u32) -> Sum { return subgroupMatrixLoad<Sum, row_major>(&sums_out, at, stride); }

// Where memory holds the transposed matrix: each of its rows is a column.
fn left_across(at: u32, stride: u32) -> Left { return subgroupMatrixLoad<Left, col_major>(&halves, at, stride); }
fn right_across(at: u32, stride: u32) -> Right { return subgroupMatrixLoad<Right, col_major>(&halves, at, stride); }

fn right_of_ones() -> Right { return Right(matrix_elem(1)); }

fn multiply_add(left: Left, right: Right, sum: Sum) -> Sum {
  return subgroupMatrixMultiplyAccumulate(left, right, sum);
}

fn store_sum(at: u32, stride: u32, sum: Sum) { subgroupMatrixStore<row_major>(&sums_out, at, sum, stride); }
