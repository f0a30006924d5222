// The entry of a kernel on matrix units, where the adapter may form subgroups of several sizes: this program gets those
// of SUBGROUP lanes. Same entry as entry.wgsl.

@compute @workgroup_size(LANES) @subgroup_size(SUBGROUP)
fn on_units(
  @builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32, @builtin(subgroup_id) subgroup: u32,
) {
  run(group, groups, lane, subgroup);
}
