// The loop of the gradients, whose columns lie side by side in memory. One subgroup makes 16 rows × LANES vectors without shared
// memory or barriers: each lane owns one vector of columns, loads its share of the 16 rows, and hands every row to all lanes.

const STRIP = 16u;
const HELD = max(1u, STRIP / LANES);   // rows that a lane loads

@compute @workgroup_size(LANES)
fn strip(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let id = group_number(group, groups);
  let across = (params.columns + LANES - 1u) / LANES;
  let down = (params.rows + STRIP - 1u) / STRIP;
  let chunk = id / (across * down);
  if (chunk >= params.chunks) { return; }
  let first = id / across % down * STRIP;
  let column = id % across * LANES + lane;
  let owned = min(column, params.columns - 1u);   // lanes and rows beyond the edge repeat the last one and write nothing
  var rows = array<u32, HELD>();
  for (var h = 0u; h < HELD; h++) { rows[h] = min(first + h * LANES + lane % STRIP, params.rows - 1u); }

  var sums = array<vector32, STRIP>();
  let end = min((chunk + 1u) * params.chunk, params.depth);
  for (var k = chunk * params.chunk; k < end; k++) {
    let c = column_operand(k, owned);
    var held = array<f32, HELD>();
    for (var h = 0u; h < HELD; h++) { held[h] = row_operand(rows[h], k); }
    sums[0] += subgroupBroadcast(held[0u / LANES], 0u % LANES) * c;
    sums[1] += subgroupBroadcast(held[1u / LANES], 1u % LANES) * c;
    sums[2] += subgroupBroadcast(held[2u / LANES], 2u % LANES) * c;
    sums[3] += subgroupBroadcast(held[3u / LANES], 3u % LANES) * c;
    sums[4] += subgroupBroadcast(held[4u / LANES], 4u % LANES) * c;
    sums[5] += subgroupBroadcast(held[5u / LANES], 5u % LANES) * c;
    sums[6] += subgroupBroadcast(held[6u / LANES], 6u % LANES) * c;
    sums[7] += subgroupBroadcast(held[7u / LANES], 7u % LANES) * c;
    sums[8] += subgroupBroadcast(held[8u / LANES], 8u % LANES) * c;
    sums[9] += subgroupBroadcast(held[9u / LANES], 9u % LANES) * c;
    sums[10] += subgroupBroadcast(held[10u / LANES], 10u % LANES) * c;
    sums[11] += subgroupBroadcast(held[11u / LANES], 11u % LANES) * c;
    sums[12] += subgroupBroadcast(held[12u / LANES], 12u % LANES) * c;
    sums[13] += subgroupBroadcast(held[13u / LANES], 13u % LANES) * c;
    sums[14] += subgroupBroadcast(held[14u / LANES], 14u % LANES) * c;
    sums[15] += subgroupBroadcast(held[15u / LANES], 15u % LANES) * c;
  }

  for (var r = 0u; r < STRIP; r++) {
    if (first + r < params.rows && column < params.columns) { write(first + r, column, chunk, sums[r]); }
  }
}
