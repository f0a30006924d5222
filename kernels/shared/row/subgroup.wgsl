// One row per subgroup: sums and maxima cross its lanes, without barriers and without workgroup memory.
// Right for every subgroup size that divides WORKGROUP. Same functions as tree.wgsl.
//
// Constants: WORKGROUP  lanes of a workgroup

struct Lanes {
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) index: u32,
  @builtin(subgroup_invocation_id) lane: u32,
  @builtin(subgroup_size) count: u32,
}

// The number of this workgroup, and of this lane in it.
fn group_of(lanes: Lanes) -> u32 { return group_number(lanes.group, lanes.groups); }
fn index_of(lanes: Lanes) -> u32 { return lanes.index; }

// The row that this lane works on, as number `lanes.lane` of its lanes. May lie past the last row.
fn row_of(lanes: Lanes) -> u32 { return row_of_group(group_of(lanes), lanes); }

// The same if this were workgroup `group`.
fn row_of_group(group: u32, lanes: Lanes) -> u32 {
  return group * (WORKGROUP / lanes.count) + lanes.index / lanes.count;
}

// How many lanes share a row.
fn row_lanes(lanes: Lanes) -> u32 { return lanes.count; }

// The sum over the lanes of a row; and two sums at once. All of them must call it.
fn row_sum(value: f32, lanes: Lanes) -> f32 { return subgroupAdd(value); }
fn row_sum2(value: vec2f, lanes: Lanes) -> vec2f { return subgroupAdd(value); }

// The largest value over the lanes of a row. All of them must call it.
fn row_max(value: f32, lanes: Lanes) -> f32 { return subgroupMax(value); }
