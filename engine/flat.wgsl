// The lanes of element-wise kernels. A workgroup has a tile of neighbouring elements, or vectors of them, and each of
// its lanes takes every WORKGROUP-th of those, so that neighbouring lanes are at neighbouring elements:
//   for (var i = tile.first; i < tile.end; i += WORKGROUP) { … }
// How long tiles are, the launcher says (flat.ts): on a hardware adapter one for each lane of the workgroup. On a
// software adapter they are longer, which is called thread coarsening, because starting a lane costs it more than what
// the lane does.

const WORKGROUP = 256u;

struct Lanes {
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) index: u32,
}

struct Tile { first: u32, end: u32 }   // where this lane begins, and where the workgroup's tile ends

// What this lane has of n elements, when each workgroup has `length` of them.
fn tile_of(lanes: Lanes, length: u32, n: u32) -> Tile {
  let start = group_number(lanes.group, lanes.groups) * length;
  return Tile(start + lanes.index, min(start + length, n));
}
