// Where the gradients of rows go: to those of x. Same function as grads.appended.wgsl.
//
// Constants: SO_FAR  whether x has a gradient already, which is added

@group(0) @binding(6) var<storage, read> so_far: array<vector>;             // [rows, cols]; anything unless SO_FAR
@group(0) @binding(7) var<storage, read_write> dx: array<result_vector>;    // [rows, cols]

fn store_gradient(place: Place, c: u32, gradient: vector32) {
  let i = place + c;
  var d = gradient;
  if (SO_FAR) { d += vector32(so_far[i]); }
  dx[i] = result_vector(d);
}
