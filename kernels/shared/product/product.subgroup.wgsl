// Matrix product, third rung: no workgroup memory and no barrier; lanes of a subgroup read each other's registers. For
// software adapters, where a barrier costs far more than a product, and a load several products. A subgroup
// computes 4 · SENDERS rows of C, each lane 4 columns of them. For every 4 steps of k each lane loads a register tile
// of op(B) for itself, and one of op(A), which it shows to all lanes: 32 numbers for 4 · 4 · 4 · SENDERS products.
// Right for every subgroup size from SENDERS up to WORKGROUP. Linked with problem.wgsl, swizzle.wgsl, operands.wgsl,
// register_tiles.wgsl, places of a, b and y, and an epilogue. New here: subgroup shuffles in place of workgroup memory.
// Taken from the rung before: register tiles, the order of tiles, and the epilogue.
//
// Constants:
// SENDERS: lanes that show their register tile, at most as many as the smallest subgroup has: 4 or 8
// WORKGROUP: lanes of a workgroup, a multiple of the largest subgroup
// TRANSPOSE_A, TRANSPOSE_B: which operand is stored transposed
// ROW_SUMS: the epilogue takes the sums over the rows of op(A)

const ROWS = 4u * SENDERS;

var<private> sums: array<vec4f, ROWS>;

@compute @workgroup_size(WORKGROUP)
fn product(
  @builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) index: u32, @builtin(subgroup_invocation_id) lane: u32,
  @builtin(subgroup_size) lanes: u32,
) {
  // few rows of tiles: all of op(A) is near enough, and each column of op(B) is read once
  let band = select(4u, 16u, params.rows <= 16u * ROWS);
  let number = group_number(group, groups) * (WORKGROUP / lanes) + index / lanes;
  let tile = tile_of(swizzled(number, band, ROWS, 4u * lanes), ROWS, 4u * lanes);
  let column = tile.column + 4u * lane;
  let own_row = tile.row + lane % SENDERS * 4u;
  let rows_at = rows_of_a(tile, own_row);
  let columns_at = columns_of_b(tile, column);
  var row_sums = vec4f();

  // the same number of steps for all subgroups of a workgroup: beyond its split of K a register tile is 0
  for (var done = 0u; done < params.split_length; done += 4u) {
    let k = tile.first + done;
    let right = register_tile_b(tile, k, columns_at);
    let own = register_tile_a(tile, rows_at, k);
    if (ROW_SUMS) { row_sums += (own[0] + own[1]) + (own[2] + own[3]); }
    // two short loops, which compilers unroll, as they do not with long ones: then all indices of sums are constants,
    // and sums stay in registers
    for (var sender = 0u; sender < 4u; sender++) { add_rows_of(sender, own, right); }
    for (var sender = 4u; sender < SENDERS; sender++) { add_rows_of(sender, own, right); }
  }

  // a loop that compilers do not unroll: 32 copies of the epilogue would take them seconds
  let end = min(tile.row + ROWS, params.rows);
  for (var row = tile.row; row < end; row++) { epilogue(tile, row, column, 4u, sums[row - tile.row]); }
  if (ROW_SUMS && lane < SENDERS) {
    for (var r = 0u; r < 4u; r++) { keep_row_sum(tile, own_row + r, row_sums[r]); }
  }
}

// sums of the four rows that `sender` holds += their products with the register tile of op(B).
fn add_rows_of(sender: u32, own: mat4x4f, right: mat4x4f) {
  let left = mat4x4f(
    subgroupShuffle(own[0], sender), subgroupShuffle(own[1], sender),
    subgroupShuffle(own[2], sender), subgroupShuffle(own[3], sender),
  );
  for (var r = 0u; r < 4u; r++) {
    let products = left[0][r] * right[0] + left[1][r] * right[1] + left[2][r] * right[2] + left[3][r] * right[3];
    sums[4u * sender + r] += products;
  }
}
