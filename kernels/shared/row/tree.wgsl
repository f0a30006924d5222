// One row per workgroup: sums and maxima by halving in workgroup memory, in a fixed order. Each lane puts its number
// there; then each step adds the upper half of what is left to the lower half, until one number is left. Same functions
// as subgroup.wgsl.
//
// Constants: WORKGROUP  lanes of a workgroup, a power of two

struct Lanes {
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
}

var<workgroup> scratch: array<vec2f, WORKGROUP>;

// The number of this workgroup, and of this lane in it.
fn group_of(lanes: Lanes) -> u32 { return group_number(lanes.group, lanes.groups); }
fn index_of(lanes: Lanes) -> u32 { return lanes.lane; }

// The row that this lane works on, as number `lanes.lane` of its lanes. May lie past the last row.
fn row_of(lanes: Lanes) -> u32 { return group_of(lanes); }

// The same if this were workgroup `group`.
fn row_of_group(group: u32, lanes: Lanes) -> u32 { return group; }

// How many lanes share a row.
fn row_lanes(lanes: Lanes) -> u32 { return WORKGROUP; }

// The sum over the lanes of a row; and two sums at once. All of them must call it.
fn row_sum(value: f32, lanes: Lanes) -> f32 { return row_sum2(vec2f(value, 0.0), lanes).x; }

fn row_sum2(value: vec2f, lanes: Lanes) -> vec2f {
  scratch[lanes.lane] = value;
  for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();   // the upper half must be written before the lower half reads it
    if (lanes.lane < half) { scratch[lanes.lane] += scratch[lanes.lane + half]; }
  }
  return workgroupUniformLoad(&scratch[0]);   // all lanes load it; its barriers keep scratch until they have
}

// The largest value over the lanes of a row. All of them must call it.
fn row_max(value: f32, lanes: Lanes) -> f32 {
  scratch[lanes.lane].x = value;
  for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();   // as in row_sum2
    if (lanes.lane < half) { scratch[lanes.lane].x = max(scratch[lanes.lane].x, scratch[lanes.lane + half].x); }
  }
  return workgroupUniformLoad(&scratch[0]).x;
}
