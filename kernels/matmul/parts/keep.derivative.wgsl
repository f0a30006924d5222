// The derivative of the activation is kept for the backward pass: the gradient of its input is dy · derivative.
const ROW_SUMS = false;

@group(0) @binding(6) var<storage, read_write> derivative: array<vector>;   // shaped as `y`

fn keep(at: vec4u, count: u32, pre: vec4f) {
  let four = activation_derivative(pre);
  for (var j = 0u; j < count; j += VECTOR) { derivative[at[j] / VECTOR] = vector(vector_at(four, j)); }
}

fn keep_row_sum(tile: Tile, row: u32, sum: f32) {}
