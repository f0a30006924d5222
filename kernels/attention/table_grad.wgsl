// Gradient of a table of relative positions: dtable[offset, h] = Σ of dbias[h, l, s] over the queries l and keys s that
// are so far apart, as window_mask.wgsl takes them. A lane has one offset and one head. It walks over the places of the
// query from which there is a key so far away, in rising order, so that the order of each sum is fixed.
//
// Constants:
// WORKGROUP: lanes of a workgroup

struct Params {
  tokens: u32, heads: u32, width: u32,    // N, H, and numbers in a row of dbias
  full0: u32, full1: u32, full2: u32,     // the window that the table is for
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> dbias: array<f32>;             // [H, N, width]
@group(0) @binding(2) var<storage, read_write> dtable: array<result>;   // [(2·full − 1) of each axis, H]

@compute @workgroup_size(WORKGROUP)
fn table_grad(
  @builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let full = vec3u(params.full0, params.full1, params.full2);
  let offsets = 2u * full - 1u;
  let i = group_number(group, groups) * WORKGROUP + lane;
  let row = i / params.heads;
  let head = i % params.heads;
  if (row >= offsets.x * offsets.y * offsets.z) { return; }
  // place of the query − place of the key + full − 1, on each axis
  let offset = vec3u(row / (offsets.y * offsets.z), row / offsets.z % offsets.y, row % offsets.z);
  let first = max(offset, full - 1u) - (full - 1u);   // places of the query
  let end = min(offset + 1u, full);

  var sum = 0.0;
  for (var x = first.x; x < end.x; x++) {
    for (var y = first.y; y < end.y; y++) {
      for (var z = first.z; z < end.z; z++) {
        let key = vec3u(x, y, z) + full - 1u - offset;
        let l = (x * full.y + y) * full.z + z;
        let s = (key.x * full.y + key.y) * full.z + key.z;
        if (l < params.tokens && s < params.tokens) { sum += dbias[(head * params.tokens + l) * params.width + s]; }
      }
    }
  }
  dtable[i] = result(sum);
}
