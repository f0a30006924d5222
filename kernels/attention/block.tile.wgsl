// Blocks of rows of two operands, a and b, staged in workgroup memory: for GPUs. Each row is loaded once per workgroup, by
// neighbouring lanes, and then read by all lanes at once, a broadcast.
// BLOCK: rows of a and b at a time. Same names as block.direct.wgsl. The kernel defines `load_a` and `load_b`.

// Where rows lie: starts and strides in packs, and how many rows there are.
struct Blocks { a: u32, b: u32, a_row: u32, b_row: u32, count: u32 }

var<workgroup> tile_a: array<pack32, BLOCK * PACKS>;
var<workgroup> tile_b: array<pack32, BLOCK * PACKS>;

// Brings rows `first` to `first + BLOCK`; beyond the last row, the last row again.
fn stage(blocks: Blocks, first: u32, lane: u32) {
  workgroupBarrier();   // nobody may overwrite the last block before all have read it
  for (var i = lane; i < BLOCK * PACKS; i += LANES) {
    let row = min(first + i / PACKS, blocks.count - 1u);
    tile_a[i] = load_a(blocks.a + row * blocks.a_row + i % PACKS);
    tile_b[i] = load_b(blocks.b + row * blocks.b_row + i % PACKS);
  }
  workgroupBarrier();   // the block must be whole before anybody reads it
}

fn block_a(blocks: Blocks, first: u32, j: u32, c: u32) -> pack32 { return tile_a[j * PACKS + c]; }
fn block_b(blocks: Blocks, first: u32, j: u32, c: u32) -> pack32 { return tile_b[j * PACKS + c]; }
