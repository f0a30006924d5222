// Gradient of softmax, as the formula says it: dx = y · (dy − delta), delta = Σ y · dy over the row.
// The first rung: one lane per row, two passes over it. Linked with nothing.
//
// Constants: WORKGROUP  lanes of a workgroup

struct Params { rows: u32, cols: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> y: array<elem>;            // [rows, cols]
@group(0) @binding(2) var<storage, read> dy: array<elem>;           // [rows, cols]
@group(0) @binding(3) var<storage, read_write> dx: array<result>;   // [rows, cols]

@compute @workgroup_size(WORKGROUP)
fn softmax_grad(
  @builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let row = group_number(group, groups) * WORKGROUP + lane;
  if (row >= params.rows) { return; }
  let first = row * params.cols;
  let end = first + params.cols;

  var delta = 0.0;
  for (var i = first; i < end; i++) { delta += f32(y[i]) * f32(dy[i]); }
  for (var i = first; i < end; i++) { dx[i] = result(f32(y[i]) * (f32(dy[i]) - delta)); }
}
