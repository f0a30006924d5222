// The slope of the activation is kept for the backward pass: the gradient of its input is dy · slope.
const ROW_SUMS = false;

@group(0) @binding(6) var<storage, read_write> slope: array<elem>;   // shaped as `y`

fn keep(i: u32, count: u32, pre: vec4f) {
  for (var j = 0u; j < count; j++) { slope[i + j] = elem(activation_slope(pre[j])); }
}

fn keep_row_sum(tile: Tile, row: u32, sum: f32) {}
