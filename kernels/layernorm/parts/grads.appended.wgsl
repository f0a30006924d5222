// Where the gradients of rows go: to those of x, or, behind all of them, to those of `appended`. They share a tensor,
// because eight storage bindings are all that a device must have. Same function as grads.plain.wgsl.
//
// Constants: SO_FAR  whether x has a gradient already, which is added

@group(0) @binding(6) var<storage, read> so_far: array<vector>;             // as x; anything unless SO_FAR
@group(0) @binding(7) var<storage, read_write> dx: array<result_vector>;    // as x; from `appended_at` on as `appended`

fn store_gradient(place: Place, c: u32, gradient: vector32) {
  let i = place.start + c;
  if (place.is_appended) {
    dx[params.appended_at / VECTOR + i] = result_vector(gradient);
    return;
  }
  var d = gradient;
  if (SO_FAR) { d += vector32(so_far[i]); }
  dx[i] = result_vector(d);
}
