// Blocks of rows of two operands, a and b, read from storage where they are used: for processors that play the GPU.
// All lanes of a workgroup ask for one address at a time, which is one scalar load there, and nothing waits at a barrier.
// BLOCK: rows of a and b at a time. Same names as block.tile.wgsl. The kernel defines `load_a` and `load_b`.

// Where rows lie: starts and strides in packs, and how many rows there are.
struct Blocks { a: u32, b: u32, a_row: u32, b_row: u32, count: u32 }

fn stage(blocks: Blocks, first: u32, lane: u32) {}

// Pack c of row `first + j`; beyond the last row, the last row again.
fn block_a(blocks: Blocks, first: u32, j: u32, c: u32) -> pack32 {
  return load_a(blocks.a + min(first + j, blocks.count - 1u) * blocks.a_row + c);
}
fn block_b(blocks: Blocks, first: u32, j: u32, c: u32) -> pack32 {
  return load_b(blocks.b + min(first + j, blocks.count - 1u) * blocks.b_row + c);
}
