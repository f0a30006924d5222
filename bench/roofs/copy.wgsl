// The roof of memory: y = x, a pack of four at a time, neighbouring lanes at neighbouring packs.
// Eight bytes of traffic for each f32. What a kernel moves per second is compared with what this one does.
// Linked with engine/flat.wgsl.

struct Params { packs: u32, run: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<elem>>;         // [packs]
@group(0) @binding(2) var<storage, read_write> y: array<vec4<elem>>;   // [packs]

@compute @workgroup_size(WORKGROUP)
fn copy(lanes: Lanes) {
  let run = run_of(lanes, params.run, params.packs);
  for (var i = run.first; i < run.end; i += WORKGROUP) { y[i] = x[i]; }
}
