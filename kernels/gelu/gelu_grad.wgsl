// Gradient of GELU and QuickGELU: dx = dy · activation'(x), element by element.
// Linked with one of erf.wgsl, tanh.wgsl, quick.wgsl, which define `activation_slope`, with engine/flat.wgsl, a pack, and
// each.*.wgsl.

struct Params { packs: u32, run: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<pack>;               // [packs]
@group(0) @binding(2) var<storage, read> dy: array<pack>;              // [packs]
@group(0) @binding(3) var<storage, read_write> dx: array<result_pack>; // [packs]

@compute @workgroup_size(WORKGROUP)
fn gelu_grad(lanes: Lanes) {
  let run = run_of(lanes, params.run, params.packs);
  for (var i = run.first; i < run.end; i += WORKGROUP) { dx[i] = result_pack(pack32(dy[i]) * slope_each(pack32(x[i]))); }
}
