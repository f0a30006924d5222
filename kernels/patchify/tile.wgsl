// The loop of all three products for GPUs with shared memory. A workgroup of 16 × 16 lanes makes a tile of 64 × 64; both operands
// pass through shared memory 16 elements of depth at a time, and each lane adds a 4 × 4 piece in registers. Linked with the
// scalar vector: operands are staged element by element, neighbours in memory by neighbouring lanes.

const TILE = 64u;
const DEPTH = 16u;
const WORKGROUP = 256u;

var<workgroup> row_tile: array<array<f32, TILE>, DEPTH>;
var<workgroup> column_tile: array<array<f32, TILE>, DEPTH>;

@compute @workgroup_size(WORKGROUP)
fn tile(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let id = group_number(group, groups);
  let across = (params.columns + TILE - 1u) / TILE;
  let down = (params.rows + TILE - 1u) / TILE;
  let chunk = id / (across * down);
  if (chunk >= params.chunks) { return; }
  let first_row = id / across % down * TILE;
  let first_column = id % across * TILE;
  let row = lane / 16u * 4u;      // this lane's piece of the tile
  let column = lane % 16u * 4u;

  var sums = array<vec4f, 4>();
  let end = min((chunk + 1u) * params.chunk, params.depth);
  for (var start = chunk * params.chunk; start < end; start += DEPTH) {
    for (var i = lane; i < TILE * DEPTH; i += WORKGROUP) {
      let at = place(i, ROW_DEPTH_FIRST);
      var value = 0.0;
      if (first_row + at.x < params.rows && start + at.y < end) { value = row_operand(first_row + at.x, start + at.y); }
      row_tile[at.y][at.x] = value;
    }
    for (var i = lane; i < TILE * DEPTH; i += WORKGROUP) {
      let at = place(i, COLUMN_DEPTH_FIRST);
      var value = 0.0;
      if (first_column + at.x < params.columns && start + at.y < end) { value = column_operand(start + at.y, first_column + at.x); }
      column_tile[at.y][at.x] = value;
    }
    workgroupBarrier();   // nobody may read the tiles before all have written
    let steps = min(DEPTH, end - start);
    for (var k = 0u; k < steps; k++) {
      let c = vec4f(column_tile[k][column], column_tile[k][column + 1u], column_tile[k][column + 2u], column_tile[k][column + 3u]);
      sums[0] += row_tile[k][row] * c;
      sums[1] += row_tile[k][row + 1u] * c;
      sums[2] += row_tile[k][row + 2u] * c;
      sums[3] += row_tile[k][row + 3u] * c;
    }
    workgroupBarrier();   // nobody may overwrite the tiles before all have read
  }

  for (var r = 0u; r < 4u; r++) {
    for (var c = 0u; c < 4u; c++) {
      let at = vec2u(first_row + row + r, first_column + column + c);
      if (at.x < params.rows && at.y < params.columns) { write(at.x, at.y, chunk, sums[r][c]); }
    }
  }
}

/// (place across, place along depth) of the i-th element that is staged.
fn place(i: u32, depth_first: bool) -> vec2u {
  return select(vec2u(i % TILE, i / TILE), vec2u(i / DEPTH, i % DEPTH), depth_first);
}
