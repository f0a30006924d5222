// Blocks of rows of two operands, a and b, staged in workgroup memory, several blocks at a time: for GPUs. Each row is loaded
// once per workgroup, by neighbouring lanes, and then read by all lanes at once, a broadcast.
// Same names as block.subgroup.wgsl. The kernel defines `load_a` and `load_b`.
//
// TILE: rows at a time, whole blocks; blocks start at a multiple of it

struct Lane { @builtin(local_invocation_index) index: u32 }

// Where rows lie: starts and strides in vectors, and how many rows there are.
struct Blocks { a: u32, b: u32, a_row: u32, b_row: u32, count: u32 }

// One vector of every row of a block: where the first lies in the tile.
alias Column = u32;

var<workgroup> tile_a: array<vector32, TILE * VECTORS>;
var<workgroup> tile_b: array<vector32, TILE * VECTORS>;

// Brings rows `first` to `first + BLOCK`; beyond the last row, the last row again. All lanes must call it.
fn stage(blocks: Blocks, first: u32, lane: Lane) {
  if (first % TILE != 0u) { return; }   // they came with the blocks before them
  workgroupBarrier();   // nobody may overwrite the last tile before all have read it
  for (var i = lane.index; i < TILE * vectors(); i += LANES) {
    let c = i % vectors();
    let row = min(first + i / vectors(), blocks.count - 1u);
    let place = (i / vectors()) * VECTORS + c;
    tile_a[place] = load_a(blocks.a + row * blocks.a_row + c);
    tile_b[place] = load_b(blocks.b + row * blocks.b_row + c);
  }
  workgroupBarrier();   // the tile must be whole before anybody reads it
}

// VectorForm c of rows `first` to `first + BLOCK`.
fn column_a(blocks: Blocks, first: u32, c: u32, lane: Lane) -> Column { return (first % TILE) * VECTORS + c; }
fn column_b(blocks: Blocks, first: u32, c: u32, lane: Lane) -> Column { return (first % TILE) * VECTORS + c; }

// The vector of row `first + j`.
fn take_a(column: Column, j: u32) -> vector32 { return tile_a[column + j * VECTORS]; }
fn take_b(column: Column, j: u32) -> vector32 { return tile_b[column + j * VECTORS]; }
