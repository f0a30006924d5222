// Rows of a table by id: y[p] = table[ids[p]]. One lane per vector of y.
// A table larger than a binding comes in several dispatches, each with rows first ≤ id < first + rows and blind to the others.
// Linked with a vector.

struct Params { n: u32, width: u32, first: u32, rows: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> table: array<vector>;     // [rows, width]
@group(0) @binding(2) var<storage, read> ids: array<u32>;        // [positions]
@group(0) @binding(3) var<storage, read_write> y: array<vector>;   // [positions, width], n vectors

const WORKGROUP = 64u;

@compute @workgroup_size(WORKGROUP)
fn embedding(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = group_number(group, groups) * WORKGROUP + lane;
  if (i >= params.n) { return; }
  let row = ids[i / params.width] - params.first;   // wraps to a huge number below `first`
  if (row < params.rows) { y[i] = table[row * params.width + i % params.width]; }
}
