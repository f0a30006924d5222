// Tiles of rows of two operands, a and b, shared within a subgroup: for software adapters. Each lane loads one row's
// vector, and whoever needs it asks that lane. No barrier, and WIDTH times fewer loads, which are what costs there.
// Same names as tile.workgroup.wgsl. The kernel defines `load_a` and `load_b`. Right for subgroups of WIDTH or more
// lanes.
//
// Constants:
// TILE: rows that are met at a time      WIDTH: rows that a subgroup loads at once

struct Lane {
  @builtin(local_invocation_index) index: u32,
  @builtin(subgroup_invocation_id) in_subgroup: u32,
}

// Where the rows that are met lie: starts and strides in vectors, and how many there are.
struct Met { a: u32, b: u32, a_row: u32, b_row: u32, count: u32 }

// One vector of every row of a tile, spread over the lanes.
alias Column = array<vector32, TILE / WIDTH>;

fn stage(met: Met, first: u32, lane: Lane) {}   // nothing is kept from one column to the next

// Vector c of rows `first` to `first + TILE`; beyond the last row, the last row again. All lanes must call it.
fn column_a(met: Met, first: u32, c: u32, lane: Lane) -> Column {
  var column: Column;
  for (var i = 0u; i < rolled(TILE / WIDTH); i++) {
    column = moved_up(column, load_a(met.a + row_of(met, first, i, lane) * met.a_row + c));
  }
  return column;
}
fn column_b(met: Met, first: u32, c: u32, lane: Lane) -> Column {
  var column: Column;
  for (var i = 0u; i < rolled(TILE / WIDTH); i++) {
    column = moved_up(column, load_b(met.b + row_of(met, first, i, lane) * met.b_row + c));
  }
  return column;
}
// A column without its first vector and with another one at the end. What a loop fills so is found by constants alone,
// and stays in registers.
fn moved_up(column: Column, last: vector32) -> Column {
  var moved: Column;
  for (var i = 1u; i < TILE / WIDTH; i++) { moved[i - 1u] = column[i]; }
  moved[TILE / WIDTH - 1u] = last;
  return moved;
}
fn row_of(met: Met, first: u32, i: u32, lane: Lane) -> u32 {
  return min(first + i * WIDTH + lane.in_subgroup % WIDTH, met.count - 1u);
}

// The vector of row `first + j`. All lanes must ask for the same.
fn take_a(column: Column, j: u32) -> vector32 { return subgroupShuffle(column[j / WIDTH], j % WIDTH); }
fn take_b(column: Column, j: u32) -> vector32 { return subgroupShuffle(column[j / WIDTH], j % WIDTH); }
