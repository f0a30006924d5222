// The entry of a kernel on matrix units, where all subgroups of the adapter have SUBGROUP lanes. The kernel declares
// LANES, a multiple of it, and `run`. Same entry as entry.sized.wgsl.

@compute @workgroup_size(LANES)
fn on_units(
  @builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32, @builtin(subgroup_id) subgroup: u32,
) {
  run(group, groups, lane, subgroup);
}
