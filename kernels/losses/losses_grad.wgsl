// Gradient of a mean loss over pairs of numbers, for one side of them: d = derivative(x, target) · dloss / elements, element by element.
// Linked with mse.wgsl or binary_cross_entropy.wgsl (the derivatives), with engine/flat.wgsl and a vector.

struct Params { n: u32, tile: u32, elements: u32, of_targets: u32 }   // of_targets: 1 for their side, 0 for that of x

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vector>;                // n vectors
@group(0) @binding(2) var<storage, read> targets: array<vector>;          // n vectors
@group(0) @binding(3) var<storage, read> dloss: array<f32>;             // [1]
@group(0) @binding(4) var<storage, read_write> d: array<result_vector>;   // n vectors

@compute @workgroup_size(WORKGROUP)
fn losses_grad(lanes: Lanes) {
  let tile = tile_of(lanes, params.tile, params.n);
  let factor = dloss[0] / f32(params.elements);
  for (var i = tile.first; i < tile.end; i += WORKGROUP) {
    let a = vec4f(vector32(x[i]));
    let b = vec4f(vector32(targets[i]));
    var derivative: vec4f;
    if (params.of_targets == 1u) { derivative = derivative_of_target(a, b); } else { derivative = derivative_of_x(a, b); }
    d[i] = result_vector(vector_of(derivative * factor));
  }
}
