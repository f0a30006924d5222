// Gradient of GELU and QuickGELU: dx = dy · activation'(x), element by element.
// Linked with one of erf.wgsl, tanh.wgsl, quick.wgsl, which define `activation_derivative`, with engine/flat.wgsl, a vector, and
// each.*.wgsl.

struct Params { vectors: u32, run: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vector>;               // [vectors]
@group(0) @binding(2) var<storage, read> dy: array<vector>;              // [vectors]
@group(0) @binding(3) var<storage, read_write> dx: array<result_vector>; // [vectors]

@compute @workgroup_size(WORKGROUP)
fn gelu_grad(lanes: Lanes) {
  let run = run_of(lanes, params.run, params.vectors);
  for (var i = run.first; i < run.end; i += WORKGROUP) { dx[i] = result_vector(vector32(dy[i]) * derivative_each(vector32(x[i]))); }
}
