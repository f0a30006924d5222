// y = value(x), element by element. Linked with a file of unary/ (`value`) and the functions of ../shared/ that it calls, with engine/flat.wgsl and
// a pack.

struct Params { n: u32, run: u32, low: f32, high: f32 }   // packs, a run of them, and the bounds of clamp

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<pack>;         // n packs
@group(0) @binding(2) var<storage, read_write> y: array<pack>;   // n packs

@compute @workgroup_size(WORKGROUP)
fn unary(lanes: Lanes) {
  let run = run_of(lanes, params.run, params.n);
  for (var i = run.first; i < run.end; i += WORKGROUP) { y[i] = pack(pack_of(value(vec4f(pack32(x[i]))))); }
}
