// GELU, Gaussian error linear unit, and QuickGELU: y = activation(x), element by element.
// Linked with one of erf.wgsl, tanh.wgsl, quick.wgsl, which define `activation`, with engine/flat.wgsl, a vector, and each.*.wgsl.
// 8 bytes of memory traffic per element bound it.

struct Params { vectors: u32, run: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vector>;         // [vectors]
@group(0) @binding(2) var<storage, read_write> y: array<vector>;   // [vectors]

@compute @workgroup_size(WORKGROUP)
fn gelu(lanes: Lanes) {
  let run = run_of(lanes, params.run, params.vectors);
  for (var i = run.first; i < run.end; i += WORKGROUP) { y[i] = vector(activation_each(vector32(x[i]))); }
}
