// Nothing is kept beside the product. Same functions as the other keep.*.wgsl.
const ROW_SUMS = false;

fn keep(at: vec4u, count: u32, pre: vec4f) {}

fn keep_row_sum(tile: Tile, row: u32, sum: f32) {}
