// Matrix product, second rung: tiles in workgroup memory, sums in registers. For hardware adapters. A workgroup
// computes TILE × TILE elements of C. For every 16 steps of k it copies TILE × 16 of op(A) and 16 × TILE of op(B) into
// workgroup memory, each lane one register tile of 4 × 4; then each lane adds up its own elements of C: 8 rows, and in
// them 4 columns for each 64 of the tile. While one step is multiplied, the register tiles of the next are on their
// way: the products hide how far away memory is.
// Linked with problem.wgsl, swizzle.wgsl, operands.wgsl, register_tiles.wgsl, places of a, b and y, and an epilogue.
// New here: what is loaded once is used TILE times. Of the copy in workgroup memory each lane reads 12 numbers for 32
// products, or, where the tile is 128 wide, 16 for 64. More sums a lane would take so many registers that fewer lanes
// fit at the same time. Taken from the rung before: the problem, and the epilogue.
//
// Constants:
// TILE: rows and columns of the tile, 64 or 128
// TRANSPOSE_A, TRANSPOSE_B: which operand is stored transposed
// ROW_SUMS: the epilogue takes the sums over the rows of op(A)

const BAND = 8u;                // rows of tiles that are walked together: swizzle.wgsl
const STEP = 16u;               // of k
const QUADS = TILE / 4u;        // a quad is four neighbours, as one vec4f
const LANES = 2u * TILE;
const ACROSS = 16u;             // lanes beside one another, TILE / 8 below one another
const LANE_ROWS = 8u;
const HALVES = TILE / 64u;      // of a row, in which a lane has columns: the only one, or both

// For each k of the step, the quads of op(A)'s rows; from RIGHT on, for each k, the quads of op(B)'s columns. Workgroup
// memory is made of banks, each of which gives one word at a time. Neighbouring lanes read neighbouring quads of op(B),
// and the same ones of op(A), so that no two of them want different words of a bank.
var<workgroup> step: array<vec4f, 2u * STEP * QUADS>;
const RIGHT = STEP * QUADS;

@compute @workgroup_size(LANES)
fn product(
  @builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let tile = tile_of(swizzled(group_number(group, groups), BAND, TILE, TILE), TILE, TILE);
  let across = lane % ACROSS;
  let down = lane / ACROSS;
  // An array for each half of the columns. All indices into them are constants: no variable can choose a register, so
  // an array that is indexed by one goes to memory.
  var sums: array<vec4f, LANE_ROWS>;
  var further: array<vec4f, LANE_ROWS>;
  var row_sums: array<vec4f, 2>;
  var next = fetched(tile, tile.first, lane);

  for (var k = tile.first; k < tile.end; k += STEP) {
    put(lane, next);
    workgroupBarrier();   // the step must be whole before anyone reads it
    next = fetched(tile, k + STEP, lane);

    for (var i = 0u; i < STEP; i++) {
      let upper = step[i * QUADS + down * 2u];
      let lower = step[i * QUADS + down * 2u + 1u];
      let right = step[RIGHT + i * QUADS + across];
      sums[0] += upper.x * right;
      sums[1] += upper.y * right;
      sums[2] += upper.z * right;
      sums[3] += upper.w * right;
      sums[4] += lower.x * right;
      sums[5] += lower.y * right;
      sums[6] += lower.z * right;
      sums[7] += lower.w * right;
      if (HALVES == 2u) {
        let far_right = step[RIGHT + i * QUADS + ACROSS + across];
        further[0] += upper.x * far_right;
        further[1] += upper.y * far_right;
        further[2] += upper.z * far_right;
        further[3] += upper.w * far_right;
        further[4] += lower.x * far_right;
        further[5] += lower.y * far_right;
        further[6] += lower.z * far_right;
        further[7] += lower.w * far_right;
      }
      if (ROW_SUMS) {
        row_sums[0] += upper;
        row_sums[1] += lower;
      }
    }
    workgroupBarrier();   // nobody may overwrite the step before all have read it
  }

  // Each turn stores the first row of sums and moves the others up: one copy of the epilogue, and no index that varies.
  let row = tile.row + down * LANE_ROWS;
  for (var r = 0u; r < LANE_ROWS; r++) {
    for (var half = 0u; half < HALVES; half++) {
      let column = tile.column + (half * ACROSS + across) * 4u;
      epilogue(tile, row + r, column, 4u, select(sums[0], further[0], half == 1u));
    }
    if (ROW_SUMS && across == 0u) { keep_row_sum(tile, row + r, row_sums[0].x); }
    sums = array(sums[1], sums[2], sums[3], sums[4], sums[5], sums[6], sums[7], sums[0]);
    further = array(further[1], further[2], further[3], further[4], further[5], further[6], further[7], further[0]);
    row_sums = array(vec4f(row_sums[0].yzw, row_sums[1].x), vec4f(row_sums[1].yzw, 0.0));
  }
}

// A lane's register tile of the step that begins at k. Half of the lanes fetch op(A), half op(B): all quads, and 4
// register tiles along k, of each.
fn fetched(tile: Tile, k: u32, lane: u32) -> mat4x4f {
  let quad = lane % QUADS;
  let at = k + lane / QUADS % 4u * 4u;
  if (lane < TILE) { return register_tile_a(tile, rows_of_a(tile, tile.row + quad * 4u), at); }
  return register_tile_b(tile, at, columns_of_b(tile, tile.column + quad * 4u));
}

// The columns of a register tile go to four rows of the step.
fn put(lane: u32, columns: mat4x4f) {
  let i = select(RIGHT, 0u, lane < TILE) + lane / QUADS % 4u * 4u * QUADS + lane % QUADS;
  step[i] = columns[0];
  step[i + QUADS] = columns[1];
  step[i + 2u * QUADS] = columns[2];
  step[i + 3u * QUADS] = columns[3];
}
