// What goes into the activation is kept for the backward pass, which makes of it what came out, and the derivative.
const ROW_SUMS = false;

@group(0) @binding(6) var<storage, read_write> pre_kept: array<vector>;   // shaped as `y`

fn keep(at: vec4u, count: u32, pre: vec4f) {
  for (var j = 0u; j < count; j += VECTOR) { pre_kept[at[j] / VECTOR] = vector(vector_at(pre, j)); }
}

fn keep_row_sum(tile: Tile, row: u32, sum: f32) {}
