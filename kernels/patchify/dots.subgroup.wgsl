// The loop of the forward product where both operands lie along depth. One subgroup makes 16 rows × 4 · LANES columns without
// shared memory or barriers: each lane owns four columns, loads its share of the 16 rows, and hands every row to all lanes.

const STRIP = 16u;
const HELD = max(1u, STRIP / LANES);   // rows that a lane loads

@compute @workgroup_size(LANES)
fn dots(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let id = group.y * groups.x + group.x;
  let across = (params.columns + 4u * LANES - 1u) / (4u * LANES);
  let first = id / across * STRIP;
  if (first >= params.rows) { return; }
  let column = (id % across * LANES + lane) * 4u;
  let last = params.columns - 1u;   // lanes and rows beyond the edge repeat the last one and write nothing
  var rows = array<u32, HELD>();
  for (var h = 0u; h < HELD; h++) { rows[h] = min(first + h * LANES + lane % STRIP, params.rows - 1u); }

  var sums = array<vec4f, STRIP>();
  for (var k = 0u; k < params.depth; k++) {
    let c0 = column_operand(k, min(column, last));
    let c1 = column_operand(k, min(column + 1u, last));
    let c2 = column_operand(k, min(column + 2u, last));
    let c3 = column_operand(k, min(column + 3u, last));
    var held = array<pack32, HELD>();
    for (var h = 0u; h < HELD; h++) { held[h] = row_operand(rows[h], k); }
    sums[0] += products(subgroupBroadcast(held[0u / LANES], 0u % LANES), c0, c1, c2, c3);
    sums[1] += products(subgroupBroadcast(held[1u / LANES], 1u % LANES), c0, c1, c2, c3);
    sums[2] += products(subgroupBroadcast(held[2u / LANES], 2u % LANES), c0, c1, c2, c3);
    sums[3] += products(subgroupBroadcast(held[3u / LANES], 3u % LANES), c0, c1, c2, c3);
    sums[4] += products(subgroupBroadcast(held[4u / LANES], 4u % LANES), c0, c1, c2, c3);
    sums[5] += products(subgroupBroadcast(held[5u / LANES], 5u % LANES), c0, c1, c2, c3);
    sums[6] += products(subgroupBroadcast(held[6u / LANES], 6u % LANES), c0, c1, c2, c3);
    sums[7] += products(subgroupBroadcast(held[7u / LANES], 7u % LANES), c0, c1, c2, c3);
    sums[8] += products(subgroupBroadcast(held[8u / LANES], 8u % LANES), c0, c1, c2, c3);
    sums[9] += products(subgroupBroadcast(held[9u / LANES], 9u % LANES), c0, c1, c2, c3);
    sums[10] += products(subgroupBroadcast(held[10u / LANES], 10u % LANES), c0, c1, c2, c3);
    sums[11] += products(subgroupBroadcast(held[11u / LANES], 11u % LANES), c0, c1, c2, c3);
    sums[12] += products(subgroupBroadcast(held[12u / LANES], 12u % LANES), c0, c1, c2, c3);
    sums[13] += products(subgroupBroadcast(held[13u / LANES], 13u % LANES), c0, c1, c2, c3);
    sums[14] += products(subgroupBroadcast(held[14u / LANES], 14u % LANES), c0, c1, c2, c3);
    sums[15] += products(subgroupBroadcast(held[15u / LANES], 15u % LANES), c0, c1, c2, c3);
  }

  for (var r = 0u; r < STRIP; r++) {
    for (var c = 0u; c < 4u; c++) {
      if (first + r < params.rows && column + c < params.columns) { write(first + r, column + c, 0u, sums[r][c]); }
    }
  }
}

fn products(row: pack32, c0: pack32, c1: pack32, c2: pack32, c3: pack32) -> vec4f {
  return vec4f(sum_of(row * c0), sum_of(row * c1), sum_of(row * c2), sum_of(row * c3));
}
