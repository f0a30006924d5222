// What the kernels on matrix units share. A workgroup owns ROWS rows of one operand and meets those of another, TILE at
// a time. Its subgroups stand in rows of ACROSS: each takes TALL matrices of own rows, one below the other, and every
// ACROSS-th matrix of columns. No lane can tell which elements of a matrix are its own. So operands are staged in
// `halves`, and every product of own rows with met rows goes to a sheet of ROWS × TILE sums in `sums_out`, where SHARES
// lanes share a row, make weights of it and put them back into `halves`.
// Linked with problem.wgsl, finite.wgsl and shared/matrix/*.wgsl, which says how these two count: in vectors of four.
//
// Constants:
// M, N, K: sizes of the matrices      SUBGROUP: lanes of a subgroup
// TALL: matrices of own rows that a subgroup has, one below the other
// ACROSS: subgroups that share the columns of those rows
// ROWS: own rows of a workgroup      LANES: its lanes      TILE: rows met at a time, whole matrices for each subgroup
// VECTORS: room for the vectors of a row

// As in shared/vector/vec4.wgsl, of which rungs on matrix units need no more than this.
alias vector = vec4<elem>;
alias vector32 = vec4f;
alias result_vector = vec4<result>;
const VECTOR = 4u;
fn vector_of(four: vec4f) -> vector32 { return four; }
fn four_sum(four: vector32) -> f32 { return (four.x + four.y) + (four.z + four.w); }
fn max_of(four: vector32) -> f32 { return max(max(four.x, four.y), max(four.z, four.w)); }

const SHARES = LANES / ROWS;
const TILE_VECTORS = TILE / 4u;

// Columns of a staged row: a head's, and zeros up to whole matrices for each subgroup. WIDTH is room for them;
// problem.wgsl says why their number is not a constant everywhere.
const STEP = max(N * ACROSS, K);
const WIDTH = (4u * VECTORS + STEP - 1u) / STEP * STEP;
fn width() -> u32 { return (4u * vectors() + STEP - 1u) / STEP * STEP; }

// From a row to the next one, in vectors: 16 bytes more than the row has, so that rows that are read together begin in
// different banks.
const ROW = WIDTH / 4u + 2u;             // of a staged operand
const WEIGHTS_ROW = TILE_VECTORS + 2u;   // of weights
const SHEET_ROW = TILE_VECTORS + 1u;     // of a sheet
const SHEET = ROWS * SHEET_ROW;

// Matrices across of a subgroup: in a sheet, and in a result.
const COLUMNS = TILE / (N * ACROSS);
const RESULT_COLUMNS = WIDTH / (N * ACROSS);
alias Result = array<Sum, TALL * RESULT_COLUMNS>;

fn result_columns() -> u32 { return width() / (N * ACROSS); }
fn result_tiles() -> u32 { return (width() + TILE - 1u) / TILE; }   // of TILE columns, as a sheet has

var<workgroup> shares: array<vec4f, LANES>;

// Where the rows of an operand lie: start and stride in vectors, and how many there are.
struct Rows { start: u32, row: u32, count: u32 }

// Brings `count` rows, from row `first` on, to place `at`. Beyond the last row and the last column come zeros, which no
// product feels.
fn stage(at: u32, operand: ptr<storage, array<vector>, read>, rows: Rows, first: u32, count: u32, lane: u32) {
  let row_vectors = width() / 4u;
  for (var i = lane; i < count * row_vectors; i += LANES) {
    let met = staged(operand, rows, first + i / row_vectors, i % row_vectors);
    halves[at + i / row_vectors * ROW + i % row_vectors] = vec4<matrix_elem>(met);
  }
}
// The same for rows that are to be weighted and added up, by `gather`: what is not finite comes as 0, since some of
// their weights are 0.
fn stage_sound(at: u32, operand: ptr<storage, array<vector>, read>, rows: Rows, first: u32, count: u32, lane: u32) {
  let row_vectors = width() / 4u;
  for (var i = lane; i < count * row_vectors; i += LANES) {
    let met = staged(operand, rows, first + i / row_vectors, i % row_vectors);
    halves[at + i / row_vectors * ROW + i % row_vectors] = vec4<matrix_elem>(sound(vector32(met)));
  }
}
fn staged(operand: ptr<storage, array<vector>, read>, rows: Rows, row: u32, c: u32) -> vector {
  if (row < rows.count && c < vectors()) { return operand[rows.start + row * rows.row + c]; }
  return vector();
}

// own · metᵀ: the products of each own row with each row of a tile, to the sheet at `sheet`.
fn compare(own: u32, met: u32, sheet: u32, subgroup: u32) {
  let upper = subgroup / ACROSS * TALL * M;
  let side = subgroup % ACROSS * N;
  var sums: array<Sum, TALL * COLUMNS>;
  for (var i = 0u; i < TALL * COLUMNS; i++) { sums[i] = Sum(); }   // one by one, as compilers know matrices
  for (var k = 0u; k < width(); k += K) {
    var lefts: array<Left, TALL>;
    for (var t = 0u; t < TALL; t++) { lefts[t] = left_of(own + (upper + t * M) * ROW + k / 4u, ROW); }
    for (var c = 0u; c < COLUMNS; c++) {
      let right = right_across(met + (c * ACROSS * N + side) * ROW + k / 4u, ROW);
      for (var t = 0u; t < TALL; t++) { sums[t * COLUMNS + c] = multiply_add(lefts[t], right, sums[t * COLUMNS + c]); }
    }
  }
  for (var t = 0u; t < TALL; t++) {
    for (var c = 0u; c < COLUMNS; c++) {
      let at = sheet + (upper + t * M) * SHEET_ROW + (c * ACROSS * N + side) / 4u;
      store_sum(at, SHEET_ROW, sums[t * COLUMNS + c]);
    }
  }
}

// result += weights · met: the rows of a tile, weighted, for each own row.
fn gather(weights: u32, met: u32, subgroup: u32, result: ptr<function, Result>) {
  let upper = subgroup / ACROSS * TALL * M;
  let side = subgroup % ACROSS * N;
  for (var k = 0u; k < TILE; k += K) {
    var lefts: array<Left, TALL>;
    for (var t = 0u; t < TALL; t++) {
      lefts[t] = left_of(weights + (upper + t * M) * WEIGHTS_ROW + k / 4u, WEIGHTS_ROW);
    }
    for (var c = 0u; c < result_columns(); c++) {
      let right = right_of(met + k * ROW + (c * ACROSS * N + side) / 4u, ROW);
      for (var t = 0u; t < TALL; t++) {
        result[t * RESULT_COLUMNS + c] = multiply_add(lefts[t], right, result[t * RESULT_COLUMNS + c]);
      }
    }
  }
}

// TILE columns of a result, those from `tile · TILE` on, to the sheet at `sheet`.
fn show(tile: u32, sheet: u32, subgroup: u32, result: ptr<function, Result>) {
  let upper = subgroup / ACROSS * TALL * M;
  let side = subgroup % ACROSS * N;
  for (var c = 0u; c < COLUMNS; c++) {
    let column = tile * COLUMNS + c;
    if (column < result_columns()) {
      for (var t = 0u; t < TALL; t++) {
        let at = sheet + (upper + t * M) * SHEET_ROW + (c * ACROSS * N + side) / 4u;
        store_sum(at, SHEET_ROW, result[t * RESULT_COLUMNS + column]);
      }
    }
  }
}

// Sums over the lanes of a row; and the largest. All lanes must call them.
fn row_sum(own: vec4f, lane: u32) -> vec4f {
  shares[lane] = own;
  workgroupBarrier();   // all shares must be there
  var sum = vec4f();
  for (var i = 0u; i < SHARES; i++) { sum += shares[lane / SHARES * SHARES + i]; }
  workgroupBarrier();   // nobody may overwrite a share before all have read it
  return sum;
}
fn row_max(own: f32, lane: u32) -> f32 {
  shares[lane].x = own;
  workgroupBarrier();   // all shares must be there
  var largest = own;
  for (var i = 0u; i < SHARES; i++) { largest = max(largest, shares[lane / SHARES * SHARES + i].x); }
  workgroupBarrier();   // nobody may overwrite a share before all have read it
  return largest;
}

// A lane's share of the sum of its row of weights, of what f16 made of them. To be read behind a barrier: before,
// compilers take the way to f16 and back for no way at all, and would add up what was not rounded.
fn stored_sum(weights: u32, lane: u32) -> f32 {
  var sum = 0.0;
  for (var c = lane % SHARES; c < TILE_VECTORS; c += SHARES) {
    sum += four_sum(vec4f(halves[weights + lane / SHARES * WEIGHTS_ROW + c]));
  }
  return sum;
}

// Logits of four products, of queries l with keys s.
const FOUR = vec4u(0u, 1u, 2u, 3u);
fn logits_of(products: vec4f, problem: u32, l: vec4u, s: vec4u) -> vec4f {
  return vec4f(
    logit(products.x, problem, l.x, s.x), logit(products.y, problem, l.y, s.y),
    logit(products.z, problem, l.z, s.z), logit(products.w, problem, l.w, s.w),
  );
}
