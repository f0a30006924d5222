// As keep.derivative.scalar.wgsl, in vectors of four.
const ROW_SUMS = false;

@group(0) @binding(6) var<storage, read_write> derivative: array<vec4<elem>>;   // shaped as `y`

fn keep(i: u32, count: u32, pre: vec4f) {
  derivative[i / 4u] = vec4<elem>(activation_derivative(pre));
}

fn keep_row_sum(tile: Tile, row: u32, sum: f32) {}
