// The result of a product, stored four elements at a time. `at` has the place of each of the four in memory.
// Linked with one of ../vector/*.wgsl, and with place_in_y.wgsl or what a room has instead.

@group(0) @binding(3) var<storage, read_write> y: array<result_vector>;   // every C, one after another

const FOUR = vec4u(0u, 1u, 2u, 3u);

// The first `count` of four: where rows are made of vectors, all of them at once.
fn store_four(at: vec4u, count: u32, four: vec4f) {
  if (VECTOR == 4u) {
    y[at.x / VECTOR] = result_vector(vector_at(four, 0u));
    return;
  }
  for (var j = 0u; j < count; j++) { y[at[j]] = result_vector(vector_at(four, j)); }
}
