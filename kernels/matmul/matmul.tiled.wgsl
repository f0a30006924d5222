// Matrix product, second rung: tiles in workgroup memory, blocks in registers. For hardware.
// A workgroup computes 64 × 64 elements of C. For every 16 steps of k it copies 64 × 16 of op(A) and 16 × 64 of op(B) into workgroup
// memory, each lane one 4 × 4 block; then each lane adds up its own 8 × 4 elements of C. What is loaded once is used 64 times,
// and of the copy in workgroup memory each lane reads 12 numbers for 32 products.
// Linked with problem.wgsl, operands.*.wgsl, blocks.wgsl, finish.wgsl and what that asks for.

const TILE = 64u;
const STEP = 16u;               // of k
const QUADS = TILE / 4u;
const LANES = 128u;             // 16 across, 8 down
const LANE_ROWS = 8u;

// k-major: row k of the step holds 16 quads, first of op(A)'s rows, then, LEFT later, of op(B)'s columns
var<workgroup> step: array<vec4f, 2u * STEP * QUADS>;
const LEFT = STEP * QUADS;

@compute @workgroup_size(LANES)
fn matmul(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let tile = tile_of(group.y * groups.x + group.x, TILE, TILE);
  let across = lane % QUADS;
  let down = lane / QUADS;
  var sums: array<vec4f, LANE_ROWS>;
  var row_sums: array<vec4f, 2>;

  for (var k = tile.first; k < tile.end; k += STEP) {
    // half of the lanes fetch op(A), half op(B): 16 quads × 4 blocks along k each
    let quad = lane % QUADS;
    let at = lane / QUADS % 4u * 4u;
    if (lane < LANES / 2u) { put(at * QUADS + quad, block_of_a(tile, tile.row + quad * 4u, k + at)); }
    else { put(LEFT + at * QUADS + quad, block_of_b(tile, k + at, tile.column + quad * 4u)); }
    workgroupBarrier();   // the step must be whole before anyone reads it

    for (var i = 0u; i < STEP; i++) {
      let upper = step[i * QUADS + down * 2u];
      let lower = step[i * QUADS + down * 2u + 1u];
      let right = step[LEFT + i * QUADS + across];
      sums[0] += upper.x * right;
      sums[1] += upper.y * right;
      sums[2] += upper.z * right;
      sums[3] += upper.w * right;
      sums[4] += lower.x * right;
      sums[5] += lower.y * right;
      sums[6] += lower.z * right;
      sums[7] += lower.w * right;
      if (ROW_SUMS) {
        row_sums[0] += upper;
        row_sums[1] += lower;
      }
    }
    workgroupBarrier();   // nobody may overwrite the step before all have read it
  }

  // Each turn stores the first row of sums and moves the others up: one copy of the epilogue, and no sum is found by a variable,
  // which would drive them all out of the registers.
  let row = tile.row + down * LANE_ROWS;
  for (var r = 0u; r < LANE_ROWS; r++) {
    finish(tile, row + r, tile.column + across * 4u, 4u, sums[0]);
    if (ROW_SUMS && across == 0u) { keep_row_sum(tile, row + r, row_sums[0].x); }
    sums = array(sums[1], sums[2], sums[3], sums[4], sums[5], sums[6], sums[7], sums[0]);
    row_sums = array(vec4f(row_sums[0].yzw, row_sums[1].x), vec4f(row_sums[1].yzw, 0.0));
  }
}

// A block's columns go to four rows of the step.
fn put(i: u32, block: mat4x4f) {
  step[i] = block[0];
  step[i + QUADS] = block[1];
  step[i + 2u * QUADS] = block[2];
  step[i + 3u * QUADS] = block[3];
}
