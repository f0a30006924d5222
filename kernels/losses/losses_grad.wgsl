// Gradient of a mean loss over pairs of numbers, for one side of them: d = derivative(x, target) · dloss / elements,
// element by element.
// Linked with parts/mse.wgsl or parts/binary_cross_entropy.wgsl (`derivative_of_x`, `derivative_of_target`), with
// engine/flat.wgsl (which vectors a lane takes) and a vector.
// Constants: OF_TARGETS: d is the gradient of the targets, else that of x.

struct Params { n: u32, tile: u32, elements: u32 }   // vectors here, those of a workgroup, and pairs of the mean

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vector>;                // [n]
@group(0) @binding(2) var<storage, read> targets: array<vector>;          // [n]
@group(0) @binding(3) var<storage, read> dloss: array<f32>;               // [1]
@group(0) @binding(4) var<storage, read_write> d: array<result_vector>;   // [n]

@compute @workgroup_size(WORKGROUP)
fn losses_grad(lanes: Lanes) {
  let tile = tile_of(lanes, params.tile, params.n);
  let factor = dloss[0] / f32(params.elements);
  for (var i = tile.first; i < tile.end; i += WORKGROUP) {
    let a = vec4f(vector32(x[i]));
    let b = vec4f(vector32(targets[i]));
    var derivative: vec4f;
    if (OF_TARGETS) { derivative = derivative_of_target(a, b); } else { derivative = derivative_of_x(a, b); }
    d[i] = result_vector(vector_of(derivative * factor));
  }
}
