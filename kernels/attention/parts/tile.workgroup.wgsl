// Tiles of rows of two operands, a and b, staged in workgroup memory, several tiles at a time: for hardware adapters.
// Each row is loaded once per workgroup, by neighbouring lanes, and then read by all lanes at once, a broadcast.
// Same names as tile.subgroup.wgsl. The kernel defines `load_a` and `load_b`.
//
// Constants:
// TILE: rows that are met at a time      STAGED: rows that are staged at a time, a number of whole tiles
// LANES: lanes of a workgroup            VECTORS: room for the vectors of a row

struct Lane { @builtin(local_invocation_index) index: u32 }

// Where the rows that are met lie: starts and strides in vectors, and how many there are.
struct Met { a: u32, b: u32, a_row: u32, b_row: u32, count: u32 }

// One vector of every row of a tile: where the first lies among those staged.
alias Column = u32;

var<workgroup> staged_a: array<vector32, STAGED * VECTORS>;
var<workgroup> staged_b: array<vector32, STAGED * VECTORS>;

// Brings rows `first` to `first + TILE`; beyond the last row, the last row again. All lanes must call it.
fn stage(met: Met, first: u32, lane: Lane) {
  if (first % STAGED != 0u) { return; }   // they came with the tiles before them
  workgroupBarrier();   // nobody may overwrite the last rows before all have read them
  for (var i = lane.index; i < STAGED * vectors(); i += LANES) {
    let c = i % vectors();
    let row = min(first + i / vectors(), met.count - 1u);
    let place = (i / vectors()) * VECTORS + c;
    staged_a[place] = load_a(met.a + row * met.a_row + c);
    staged_b[place] = load_b(met.b + row * met.b_row + c);
  }
  workgroupBarrier();   // all rows must be there before anybody reads them
}

// Vector c of rows `first` to `first + TILE`.
fn column_a(met: Met, first: u32, c: u32, lane: Lane) -> Column { return (first % STAGED) * VECTORS + c; }
fn column_b(met: Met, first: u32, c: u32, lane: Lane) -> Column { return (first % STAGED) * VECTORS + c; }

// The vector of row `first + j`.
fn take_a(column: Column, j: u32) -> vector32 { return staged_a[column + j * VECTORS]; }
fn take_b(column: Column, j: u32) -> vector32 { return staged_b[column + j * VECTORS]; }
