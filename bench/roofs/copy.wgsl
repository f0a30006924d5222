// The roof of memory: y = x, a pack of four at a time, neighbouring lanes at neighbouring packs.
// Eight bytes of traffic for each f32. What a kernel moves per second is compared with what this one does.

struct Params { packs: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<elem>>;         // [packs]
@group(0) @binding(2) var<storage, read_write> y: array<vec4<elem>>;   // [packs]

const WORKGROUP = 256u;

@compute @workgroup_size(WORKGROUP)
fn copy(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * WORKGROUP + lane;
  if (i < params.packs) { y[i] = x[i]; }
}
