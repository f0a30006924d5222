// The last tokens ask nothing, as X-CLIP's messages: they are keys and values alone. Query, key and value of a token
// lie side by side, and here they get the gradient of their query, 0, from the lane that owns the key.
// Same name as listeners.none.wgsl. Linked with problem.wgsl and key_value_grads.wgsl.

fn clear_query(s: u32, place: u32) {
  if (s >= params.first_listener) { dkv[params.dquery_offset + place] = result_vector(); }
}
