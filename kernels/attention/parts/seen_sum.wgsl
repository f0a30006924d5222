// What a hidden value holds must not be felt. It weighs 0, but 0 times what is not finite is NaN. So the walk over
// tiles looks at no value, and a row that does not come out finite is added up once more, key by key, without the
// hidden ones: rarely, and then slowly.
// Linked with problem.wgsl, finite.wgsl and shared/vector/*.wgsl.

// As `sum_of` of shared/vector/*.wgsl, which rungs on matrix units are not linked with.
fn vector_sum(p: vector32) -> f32 {
  let four = vec4f(p);
  if (VECTOR == 1u) { return four.x; }
  return (four.x + four.y) + (four.z + four.w);
}

// Vector c of Σ exp(logit − row_max) · v over the keys that query l sees. NaN where a value of theirs is not finite,
// infinity too: a weight may be 0 once it is rounded, so that infinity would be NaN in one variant and not in another.
fn seen_sum(problem: u32, l: u32, row_max: f32, c: u32) -> vector32 {
  let q = query_start(problem) + l * params.query_row;
  var seen = vector32();
  for (var s = 0u; s < params.keys; s++) {
    let k = key_start(problem) + s * params.key_row;
    var product = 0.0;
    for (var i = 0u; i < vectors(); i++) { product += vector_sum(vector32(query[q + i]) * vector32(key[k + i])); }
    let w = vec4f(weight(logit(product, problem, l, s), row_max));
    seen += vector_of(w * felt(w, vec4f(vector32(value[value_start(problem) + s * params.key_row + c]))));
  }
  return vector_of(unless_flawed(vec4f(seen), reach_of(vec4f(seen))));
}
