// Blocks of rows of two operands, a and b, shared within a subgroup: for processors that play the GPU. Each lane loads one row's
// vector, and whoever needs it asks that lane. No barrier, and WIDTH times fewer loads, which are what costs there.
// Right for subgroups of WIDTH or more lanes. Same names as block.tile.wgsl. The kernel defines `load_a` and `load_b`.

struct Lane {
  @builtin(local_invocation_index) index: u32,
  @builtin(subgroup_invocation_id) in_subgroup: u32,
}

// Where rows lie: starts and strides in vectors, and how many rows there are.
struct Blocks { a: u32, b: u32, a_row: u32, b_row: u32, count: u32 }

// One vector of every row of a block, spread over the lanes.
alias Column = array<vector32, BLOCK / WIDTH>;

fn stage(blocks: Blocks, first: u32, lane: Lane) {}   // nothing is kept from one column to the next

// VectorForm c of rows `first` to `first + BLOCK`; beyond the last row, the last row again. All lanes must call it.
fn column_a(blocks: Blocks, first: u32, c: u32, lane: Lane) -> Column {
  var column: Column;
  for (var i = 0u; i < BLOCK / WIDTH; i++) { column[i] = load_a(blocks.a + row_of(blocks, first, i, lane) * blocks.a_row + c); }
  return column;
}
fn column_b(blocks: Blocks, first: u32, c: u32, lane: Lane) -> Column {
  var column: Column;
  for (var i = 0u; i < BLOCK / WIDTH; i++) { column[i] = load_b(blocks.b + row_of(blocks, first, i, lane) * blocks.b_row + c); }
  return column;
}
fn row_of(blocks: Blocks, first: u32, i: u32, lane: Lane) -> u32 {
  return min(first + i * WIDTH + lane.in_subgroup % WIDTH, blocks.count - 1u);
}

// The vector of row `first + j`. All lanes must ask for the same.
fn take_a(column: Column, j: u32) -> vector32 { return subgroupShuffle(column[j / WIDTH], j % WIDTH); }
fn take_b(column: Column, j: u32) -> vector32 { return subgroupShuffle(column[j / WIDTH], j % WIDTH); }
