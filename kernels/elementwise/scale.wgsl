// y = factor · x, element by element. Linked with engine/flat.wgsl and a pack.

struct Params { n: u32, run: u32, factor: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<pack>;         // n packs
@group(0) @binding(2) var<storage, read_write> y: array<result_pack>;   // n packs

@compute @workgroup_size(WORKGROUP)
fn scale(lanes: Lanes) {
  let run = run_of(lanes, params.run, params.n);
  for (var i = run.first; i < run.end; i += WORKGROUP) { y[i] = result_pack(params.factor * pack32(x[i])); }
}
