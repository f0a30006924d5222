// What a matrix unit does, in plain WGSL: the lanes of a subgroup hold small matrices together and show each other what
// they hold.
//   sum + left · right,  left M × K, right K × N, sum M × N: sums are f32, whatever the operands are
// Row i of a matrix lies in the registers of lane i % SUBGROUP. A product takes each element of `right` from the lane
// that holds its row; each lane multiplies it with the rows of `left` that it holds, whose sums are its own as well.
// For tests, where adapters have no matrix units, and for readers. Same names as units.wgsl, and the same demands:
// operands lie in `halves: array<vec4<matrix_elem>>`, sums in `sums_out: array<vec4f>`, workgroup memory that the
// kernel declares; `at` and `stride` count vectors of four; all lanes of a subgroup call together.
//
// Constants:
// M, N, K: sizes of the matrices, multiples of 4
// SUBGROUP: lanes of a subgroup; out-of-range lanes repeat the last row, and store nothing

const OWN_ROWS = (M + SUBGROUP - 1u) / SUBGROUP;     // of left and of sum
const OWN_INNER = (K + SUBGROUP - 1u) / SUBGROUP;    // rows of right

alias Left = array<f32, OWN_ROWS * K>;
alias Right = array<f32, OWN_INNER * N>;
alias Sum = array<f32, OWN_ROWS * N>;

// How many lanes of the subgroup come before this one.
fn own_lane() -> u32 { return subgroupExclusiveAdd(1u); }

// The row of the matrix that a lane holds in place `i` of its own.
fn row_of_own(i: u32, lane: u32, rows: u32) -> u32 { return min(i * SUBGROUP + lane, rows - 1u); }

fn half_at(at: u32, stride: u32, row: u32, column: u32) -> f32 {
  return f32(halves[at + row * stride + column / 4u][column % 4u]);
}

fn left_of(at: u32, stride: u32) -> Left {
  let lane = own_lane();
  var left: Left;
  for (var i = 0u; i < OWN_ROWS * K; i++) { left[i] = half_at(at, stride, row_of_own(i / K, lane, M), i % K); }
  return left;
}

fn left_across(at: u32, stride: u32) -> Left {
  let lane = own_lane();
  var left: Left;
  for (var i = 0u; i < OWN_ROWS * K; i++) { left[i] = half_at(at, stride, i % K, row_of_own(i / K, lane, M)); }
  return left;
}

fn right_of(at: u32, stride: u32) -> Right {
  let lane = own_lane();
  var right: Right;
  for (var i = 0u; i < OWN_INNER * N; i++) { right[i] = half_at(at, stride, row_of_own(i / N, lane, K), i % N); }
  return right;
}

fn right_across(at: u32, stride: u32) -> Right {
  let lane = own_lane();
  var right: Right;
  for (var i = 0u; i < OWN_INNER * N; i++) { right[i] = half_at(at, stride, i % N, row_of_own(i / N, lane, K)); }
  return right;
}

fn right_of_ones() -> Right {
  var right: Right;
  for (var i = 0u; i < OWN_INNER * N; i++) { right[i] = 1.0; }
  return right;
}

fn load_sum(at: u32, stride: u32) -> Sum {
  let lane = own_lane();
  var sum: Sum;
  for (var i = 0u; i < OWN_ROWS * N; i++) {
    sum[i] = sums_out[at + row_of_own(i / N, lane, M) * stride + i % N / 4u][i % 4u];
  }
  return sum;
}

fn multiply_add(left: Left, right: Right, sum: Sum) -> Sum {
  var rows_of_left = left;
  var rows_of_right = right;
  var total = sum;
  for (var k = 0u; k < K; k++) {
    for (var n = 0u; n < N; n++) {
      let shown = subgroupShuffle(rows_of_right[k / SUBGROUP * N + n], k % SUBGROUP);
      for (var r = 0u; r < OWN_ROWS; r++) { total[r * N + n] += rows_of_left[r * K + k] * shown; }
    }
  }
  return total;
}

fn store_sum(at: u32, stride: u32, sum: Sum) {
  let lane = own_lane();
  var rows = sum;
  for (var i = 0u; i < OWN_ROWS * N; i++) {
    let row = i / N * SUBGROUP + lane;
    if (row < M) { sums_out[at + row * stride + i % N / 4u][i % 4u] = rows[i]; }
  }
}
