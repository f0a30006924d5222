// As keep.slope.scalar.wgsl, in packs of four.
const ROW_SUMS = false;

@group(0) @binding(6) var<storage, read_write> slope: array<vec4<elem>>;   // shaped as `y`

fn keep(i: u32, count: u32, pre: vec4f) {
  slope[i / 4u] = vec4<elem>(vec4f(activation_slope(pre.x), activation_slope(pre.y), activation_slope(pre.z), activation_slope(pre.w)));
}

fn keep_row_sum(tile: Tile, row: u32, sum: f32) {}
