// Where the gradients of keys and values go: both into one buffer, because WebGPU takes a buffer once for writing.
// Some tokens of a packed tensor ask nothing, as X-CLIP's messages: they are keys and values alone. Query, key and
// value of a token lie side by side, and the lane that owns the key of such a token writes the gradient of its query,
// 0.
// Linked with problem.wgsl and shared/vector/*.wgsl.

@group(0) @binding(8) var<storage, read_write> dkv: array<result_vector>;

// Stores vector c of dk and dv of key s, or adds it to what earlier queries gave.
fn store_grads(problem: u32, s: u32, c: u32, dk: vector32, dv: vector32) {
  let place = at(problem, params.key_batch, params.key_head) + s * params.key_row + c;
  var dk_sum = dk;
  var dv_sum = dv;
  if (params.earlier > 0u) {
    dk_sum += vector32(dkv[params.dkey_offset + place]);
    dv_sum += vector32(dkv[params.dvalue_offset + place]);
  }
  dkv[params.dkey_offset + place] = result_vector(dk_sum);
  dkv[params.dvalue_offset + place] = result_vector(dv_sum);
  if (s >= params.first_listener) { dkv[params.dquery_offset + place] = result_vector(); }
}
