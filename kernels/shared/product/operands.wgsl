// The operands of a product, loaded four elements at a time. `at` has the place of each of the four in memory. They are
// neighbours, or repeat the last one at an edge. Where all rows are made of vectors, the four are one vector and one
// load serves them.
// Linked with one of ../vector/*.wgsl, and with place_in_*.wgsl or what a room has instead, which say where an element
// lies.

@group(0) @binding(1) var<storage, read> a: array<vector>;
@group(0) @binding(2) var<storage, read> b: array<vector>;

// As they are stored: matrix units multiply them so.
fn stored_a(at: vec4u) -> vec4<elem> {
  let i = at / VECTOR;
  return four_in_row(a[i.x], a[i.y], a[i.z], a[i.w]);
}
fn stored_b(at: vec4u) -> vec4<elem> {
  let i = at / VECTOR;
  return four_in_row(b[i.x], b[i.y], b[i.z], b[i.w]);
}

fn four_of_a(at: vec4u) -> vec4f { return vec4f(stored_a(at)); }
fn four_of_b(at: vec4u) -> vec4f { return vec4f(stored_b(at)); }
