// Gradient of GELU and QuickGELU: dx = dy · activation′(x), element by element.
// New here: dy comes in beside x. Cut and linked as gelu.wgsl; the activation gives `activation_derivative`.

struct Params { vectors: u32, tile: u32 }   // vectors in all, and how many of them a workgroup takes

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vector>;                // [vectors]
@group(0) @binding(2) var<storage, read> dy: array<vector>;               // [vectors]
@group(0) @binding(3) var<storage, read_write> dx: array<result_vector>;  // [vectors]

@compute @workgroup_size(WORKGROUP)
fn gelu_grad(lanes: Lanes) {
  let tile = tile_of(lanes, params.tile, params.vectors);
  for (var i = tile.first; i < tile.end; i += WORKGROUP) {
    let derivative = vector_of(activation_derivative(vec4f(vector32(x[i]))));
    dx[i] = result_vector(vector32(dy[i]) * derivative);
  }
}
