// Nothing is kept beside the product.
const ROW_SUMS = false;

fn keep(i: u32, count: u32, pre: vec4f) {}

fn keep_row_sum(tile: Tile, row: u32, sum: f32) {}
