// The lanes of element-wise kernels. A workgroup has a run of neighbouring elements, or vectors of them, and each of its lanes takes every
// WORKGROUP-th of those, so that neighbouring lanes are at neighbouring elements:
//   for (var i = run.first; i < run.end; i += WORKGROUP) { … }
// How long runs are, the launcher says (flat.ts): on a GPU as long as a workgroup. On a processor that plays the GPU they are longer,
// because starting a lane costs it more than what the lane does.

const WORKGROUP = 256u;

struct Lanes {
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) index: u32,
}

struct Run { first: u32, end: u32 }

// What this lane has of n elements, when each workgroup has `length` of them.
fn run_of(lanes: Lanes, length: u32, n: u32) -> Run {
  let start = (lanes.group.y * lanes.groups.x + lanes.group.x) * length;
  return Run(start + lanes.index, min(start + length, n));
}
