// y = eˣ, element by element. The argument is not clamped: clamp() takes NaN to a number on real adapters, and a temperature
// that went wrong must stay visible. Linked with engine/flat.wgsl, ../shared/exp.wgsl and a pack.

struct Params { n: u32, run: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<pack>;         // n packs
@group(0) @binding(2) var<storage, read_write> y: array<pack>;   // n packs

@compute @workgroup_size(WORKGROUP)
fn exponential(lanes: Lanes) {
  let run = run_of(lanes, params.run, params.n);
  for (var i = run.first; i < run.end; i += WORKGROUP) { y[i] = pack(pack_of(exp_of_four(vec4f(pack32(x[i]))))); }
}
