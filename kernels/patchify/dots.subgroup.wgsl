// The loop of the forward product, where both operands lie along depth. One subgroup makes 16 rows × LANES vectors of columns without
// shared memory or barriers: each lane owns one vector of columns, loads its share of the 16 rows, and hands every row to all lanes.
// Linked with products.vec4.wgsl or products.scalar.wgsl.

const STRIP = 16u;
const HELD = max(1u, STRIP / LANES);   // rows that a lane loads

@compute @workgroup_size(LANES)
fn dots(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let id = group_number(group, groups);
  let across = (params.columns + LANES - 1u) / LANES;
  let first = id / across * STRIP;
  if (first >= params.rows) { return; }
  let column = id % across * LANES + lane;
  let owned = min(column, params.columns - 1u);   // lanes and rows beyond the edge repeat the last one and write nothing
  var rows = array<u32, HELD>();
  for (var h = 0u; h < HELD; h++) { rows[h] = min(first + h * LANES + lane % STRIP, params.rows - 1u); }

  var sums = array<vector32, STRIP>();
  for (var k = 0u; k < params.depth; k++) {
    var c = array<vector32, VECTOR>();
    for (var j = 0u; j < VECTOR; j++) { c[j] = column_operand(k, owned * VECTOR + j); }
    var held = array<vector32, HELD>();
    for (var h = 0u; h < HELD; h++) { held[h] = row_operand(rows[h], k); }
    sums[0] += products(subgroupBroadcast(held[0u / LANES], 0u % LANES), c);
    sums[1] += products(subgroupBroadcast(held[1u / LANES], 1u % LANES), c);
    sums[2] += products(subgroupBroadcast(held[2u / LANES], 2u % LANES), c);
    sums[3] += products(subgroupBroadcast(held[3u / LANES], 3u % LANES), c);
    sums[4] += products(subgroupBroadcast(held[4u / LANES], 4u % LANES), c);
    sums[5] += products(subgroupBroadcast(held[5u / LANES], 5u % LANES), c);
    sums[6] += products(subgroupBroadcast(held[6u / LANES], 6u % LANES), c);
    sums[7] += products(subgroupBroadcast(held[7u / LANES], 7u % LANES), c);
    sums[8] += products(subgroupBroadcast(held[8u / LANES], 8u % LANES), c);
    sums[9] += products(subgroupBroadcast(held[9u / LANES], 9u % LANES), c);
    sums[10] += products(subgroupBroadcast(held[10u / LANES], 10u % LANES), c);
    sums[11] += products(subgroupBroadcast(held[11u / LANES], 11u % LANES), c);
    sums[12] += products(subgroupBroadcast(held[12u / LANES], 12u % LANES), c);
    sums[13] += products(subgroupBroadcast(held[13u / LANES], 13u % LANES), c);
    sums[14] += products(subgroupBroadcast(held[14u / LANES], 14u % LANES), c);
    sums[15] += products(subgroupBroadcast(held[15u / LANES], 15u % LANES), c);
  }

  for (var r = 0u; r < STRIP; r++) {
    if (first + r < params.rows && column < params.columns) { write(first + r, column, 0u, sums[r]); }
  }
}
