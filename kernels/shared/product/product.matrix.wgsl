// Matrix product, fourth rung: matrix units. For adapters that have them; sums are f32. A subgroup computes a register
// tile of DOWN × ACROSS small matrices of C, and a workgroup GROUPS_DOWN × GROUPS_ACROSS such register tiles, which
// make a square tile. For every STEP of k the workgroup copies the tile's rows of op(A) and columns of op(B) into
// workgroup memory, as they are stored: a transposed operand is loaded across from there. A small matrix that is loaded
// once serves a whole row or column of the register tile: 4 + 4 loads for 16 products. While the units multiply one
// step, the next is on its way from memory to registers: four vectors of each operand per lane. WGSL has no copy that
// runs by itself, so only a load whose result nobody waits for yet hides how far away memory is.
// Linked with problem.wgsl, swizzle.wgsl, operands.wgsl, places of a, b and y, an epilogue, and three of
// ../matrix/*.wgsl.
// New here: one instruction multiplies small matrices, and no lane knows which of their elements it holds, so sums
// leave through workgroup memory. Taken from product.tiled.wgsl: tiles in workgroup memory, walked in the same order,
// and the epilogue.
//
// Constants:
// M, N, K, SUBGROUP: sizes of the small matrices, and lanes that hold them
// DOWN, ACROSS: small matrices of a register tile: 2 and 2, 4 and 2, or 4 and 4
// GROUPS_DOWN, GROUPS_ACROSS: register tiles of a workgroup
// TILE: rows and columns of the tile, GROUPS_DOWN · DOWN · M and GROUPS_ACROSS · ACROSS · N alike
// LANES: of the workgroup, GROUPS_DOWN · GROUPS_ACROSS · SUBGROUP
// STEP: of k, a multiple of K: four vectors of four for each lane
// PADDING: vectors between the lines of a step
// TRANSPOSE_A, TRANSPOSE_B: which operand is stored transposed
// ROW_SUMS: the epilogue takes the sums over the rows of op(A)

const BAND = 8u;   // rows of tiles that are walked together: swizzle.wgsl

// Lines of a step lie in workgroup memory as in storage: along k, or along the tile's rows or columns. Two vectors of
// padding shift each line by four banks against the one before, so that a matrix is loaded from eight lines at a time
// without a conflict.
const ALONG_K = STEP / 4u;
const ALONG_TILE = TILE / 4u;
const A_STRIDE = select(ALONG_K, ALONG_TILE, TRANSPOSE_A) + PADDING;
const B_STRIDE = select(ALONG_TILE, ALONG_K, TRANSPOSE_B) + PADDING;
const B_START = A_STRIDE * select(TILE, STEP, TRANSPOSE_A);
var<workgroup> halves: array<vec4<matrix_elem>, B_START + B_STRIDE * select(STEP, TILE, TRANSPOSE_B)>;

// On their way out: one row of small matrices of each register tile, side by side as they are in C.
const OUT_STRIDE = ALONG_TILE + 1u;
var<workgroup> sums_out: array<vec4f, GROUPS_DOWN * M * OUT_STRIDE>;

fn run(group: vec3u, groups: vec3u, lane: u32, subgroup: u32) {
  let tile = tile_of(swizzled(group_number(group, groups), BAND, TILE, TILE), TILE, TILE);
  let group_down = subgroup / GROUPS_ACROSS;
  let group_across = subgroup % GROUPS_ACROSS;
  let keeps_row_sums = ROW_SUMS && tile.column == 0u;
  // Matrix r of the register tile's rows and c of its columns is sums[4 r + c]. Every index below is a constant: an
  // array that is indexed by a variable goes from registers to memory.
  var sums: array<Sum, 16>;
  var row_sums: array<Sum, 4>;
  var next_a = fetched_a(tile, tile.first, lane);
  var next_b = fetched_b(tile, tile.first, lane);

  for (var k = tile.first; k < tile.end; k += STEP) {
    put_a(lane, next_a);
    put_b(lane, next_b);
    workgroupBarrier();   // the step must be whole before anyone reads it
    next_a = fetched_a(tile, k + STEP, lane);
    next_b = fetched_b(tile, k + STEP, lane);

    for (var inner = 0u; inner < STEP; inner += K) {
      let row = group_down * DOWN * M;
      let column = group_across * ACROSS * N;
      let left0 = left_at(row, inner);
      let left1 = left_at(row + M, inner);
      var left2 = left1;
      var left3 = left1;
      let right0 = right_at(inner, column);
      let right1 = right_at(inner, column + N);
      sums[0] = multiply_add(left0, right0, sums[0]);
      sums[1] = multiply_add(left0, right1, sums[1]);
      sums[4] = multiply_add(left1, right0, sums[4]);
      sums[5] = multiply_add(left1, right1, sums[5]);
      if (DOWN > 2u) {
        left2 = left_at(row + 2u * M, inner);
        left3 = left_at(row + 3u * M, inner);
        sums[8] = multiply_add(left2, right0, sums[8]);
        sums[9] = multiply_add(left2, right1, sums[9]);
        sums[12] = multiply_add(left3, right0, sums[12]);
        sums[13] = multiply_add(left3, right1, sums[13]);
      }
      if (ACROSS > 2u) {
        let right2 = right_at(inner, column + 2u * N);
        let right3 = right_at(inner, column + 3u * N);
        sums[2] = multiply_add(left0, right2, sums[2]);
        sums[3] = multiply_add(left0, right3, sums[3]);
        sums[6] = multiply_add(left1, right2, sums[6]);
        sums[7] = multiply_add(left1, right3, sums[7]);
        sums[10] = multiply_add(left2, right2, sums[10]);
        sums[11] = multiply_add(left2, right3, sums[11]);
        sums[14] = multiply_add(left3, right2, sums[14]);
        sums[15] = multiply_add(left3, right3, sums[15]);
      }
      // a product with ones: each of its columns holds the sums of the rows
      if (keeps_row_sums) {
        row_sums[0] = multiply_add(left0, right_of_ones(), row_sums[0]);
        row_sums[1] = multiply_add(left1, right_of_ones(), row_sums[1]);
        if (DOWN > 2u) {
          row_sums[2] = multiply_add(left2, right_of_ones(), row_sums[2]);
          row_sums[3] = multiply_add(left3, right_of_ones(), row_sums[3]);
        }
      }
    }
    workgroupBarrier();   // nobody may overwrite the step before all have read it
  }

  // Each turn lets out one row of matrices of each register tile, and moves the others up: one copy of the epilogue,
  // and no index that varies.
  let corner = group_down * M * OUT_STRIDE + group_across * ACROSS * (N / 4u);
  for (var turn = 0u; turn < DOWN; turn++) {
    store_sum(corner, OUT_STRIDE, sums[0]);
    store_sum(corner + N / 4u, OUT_STRIDE, sums[1]);
    if (ACROSS > 2u) {
      store_sum(corner + 2u * (N / 4u), OUT_STRIDE, sums[2]);
      store_sum(corner + 3u * (N / 4u), OUT_STRIDE, sums[3]);
    }
    workgroupBarrier();   // all sums must lie there before anyone reads them
    for (var i = lane; i < GROUPS_DOWN * M * ALONG_TILE; i += LANES) {
      let line = i / ALONG_TILE;
      let column = i % ALONG_TILE;
      let four = sums_out[line * OUT_STRIDE + column];
      epilogue(tile, row_of_line(tile, turn, line), tile.column + column * 4u, 4u, four);
    }
    workgroupBarrier();   // nobody may overwrite the sums before all have read them

    if (keeps_row_sums) {
      store_sum(corner, OUT_STRIDE, row_sums[0]);   // all register tiles beside one another have the same
      workgroupBarrier();
      for (var line = lane; line < GROUPS_DOWN * M; line += LANES) {
        keep_row_sum(tile, row_of_line(tile, turn, line), sums_out[line * OUT_STRIDE].x);
      }
      workgroupBarrier();
      row_sums[0] = row_sums[1]; row_sums[1] = row_sums[2]; row_sums[2] = row_sums[3];
    }
    sums[0] = sums[4]; sums[4] = sums[8]; sums[8] = sums[12];
    sums[1] = sums[5]; sums[5] = sums[9]; sums[9] = sums[13];
    sums[2] = sums[6]; sums[6] = sums[10]; sums[10] = sums[14];
    sums[3] = sums[7]; sums[7] = sums[11]; sums[11] = sums[15];
  }
}

// The row of C that a line of `sums_out` holds in this turn.
fn row_of_line(tile: Tile, turn: u32, line: u32) -> u32 { return tile.row + (line / M * DOWN + turn) * M + line % M; }

// op(A)[row .., k ..] and op(B)[k .., column ..] of the step, as small matrices.
fn left_at(row: u32, k: u32) -> Left {
  if (TRANSPOSE_A) { return left_across(k * A_STRIDE + row / 4u, A_STRIDE); }
  return left_of(row * A_STRIDE + k / 4u, A_STRIDE);
}
fn right_at(k: u32, column: u32) -> Right {
  if (TRANSPOSE_B) { return right_across(B_START + column * B_STRIDE + k / 4u, B_STRIDE); }
  return right_of(B_START + k * B_STRIDE + column / 4u, B_STRIDE);
}

// A lane's share of a step: vectors lane, lane + LANES, … of its lines, so that neighbouring lanes read neighbouring
// memory.
fn fetched_a(tile: Tile, k: u32, lane: u32) -> mat4x4<elem> {
  return mat4x4<elem>(
    vector_of_a(tile, k, lane), vector_of_a(tile, k, lane + LANES),
    vector_of_a(tile, k, lane + 2u * LANES), vector_of_a(tile, k, lane + 3u * LANES),
  );
}
fn fetched_b(tile: Tile, k: u32, lane: u32) -> mat4x4<elem> {
  return mat4x4<elem>(
    vector_of_b(tile, k, lane), vector_of_b(tile, k, lane + LANES),
    vector_of_b(tile, k, lane + 2u * LANES), vector_of_b(tile, k, lane + 3u * LANES),
  );
}

// Vector i of the step that begins at k. Beyond the tile's split of K, and beyond the last row or column, it is 0.
fn vector_of_a(tile: Tile, k: u32, i: u32) -> vec4<elem> {
  var ks = vec4u(k + i / ALONG_TILE);
  var rows = tile.row + i % ALONG_TILE * 4u + FOUR;
  if (!TRANSPOSE_A) {
    ks = k + i % ALONG_K * 4u + FOUR;
    rows = vec4u(tile.row + i / ALONG_K);
  }
  let at = tile.a + row_in_a(min(rows, vec4u(params.rows - 1u))) + inner_in_a(min(ks, vec4u(tile.end - 1u)));
  return select(vec4<elem>(), stored_a(at), (rows < vec4u(params.rows)) & (ks < vec4u(tile.end)));
}
fn vector_of_b(tile: Tile, k: u32, i: u32) -> vec4<elem> {
  var ks = vec4u(k + i / ALONG_TILE);
  var columns = tile.column + i % ALONG_TILE * 4u + FOUR;
  if (TRANSPOSE_B) {
    ks = k + i % ALONG_K * 4u + FOUR;
    columns = vec4u(tile.column + i / ALONG_K);
  }
  let at = tile.b + inner_in_b(min(ks, vec4u(tile.end - 1u))) + column_in_b(min(columns, vec4u(params.columns - 1u)));
  return select(vec4<elem>(), stored_b(at), (ks < vec4u(tile.end)) & (columns < vec4u(params.columns)));
}

fn put_a(lane: u32, vectors: mat4x4<elem>) {
  halves[place_of_a(lane)] = vec4<matrix_elem>(vectors[0]);
  halves[place_of_a(lane + LANES)] = vec4<matrix_elem>(vectors[1]);
  halves[place_of_a(lane + 2u * LANES)] = vec4<matrix_elem>(vectors[2]);
  halves[place_of_a(lane + 3u * LANES)] = vec4<matrix_elem>(vectors[3]);
}
fn put_b(lane: u32, vectors: mat4x4<elem>) {
  halves[place_of_b(lane)] = vec4<matrix_elem>(vectors[0]);
  halves[place_of_b(lane + LANES)] = vec4<matrix_elem>(vectors[1]);
  halves[place_of_b(lane + 2u * LANES)] = vec4<matrix_elem>(vectors[2]);
  halves[place_of_b(lane + 3u * LANES)] = vec4<matrix_elem>(vectors[3]);
}
fn place_of_a(i: u32) -> u32 {
  let length = A_STRIDE - PADDING;
  return i / length * A_STRIDE + i % length;
}
fn place_of_b(i: u32) -> u32 {
  let length = B_STRIDE - PADDING;
  return B_START + i / length * B_STRIDE + i % length;
}
