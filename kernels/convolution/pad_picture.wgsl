// A picture with channels last, with pixels of zeros around it. One lane, one vector.
// Linked with ../shared/quotient.wgsl, parts/padded.wgsl and one of ../shared/vector/*.wgsl.
//
// Constants:
// WORKGROUP: lanes of a workgroup

@group(0) @binding(1) var<storage, read> picture: array<vector>;        // [frames, extents …, channels]
@group(0) @binding(2) var<storage, read_write> padded: array<vector>;   // [frames, padded extents …, channels]

@compute @workgroup_size(WORKGROUP)
fn pad_picture(
  @builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = group_number(group, groups) * WORKGROUP + lane;
  let vectors = params.channels / VECTOR;
  let at = origin_of(i / vectors);
  if (!at.exists) { return; }
  padded[i] = vector();
  if (at.is_there) { padded[i] = picture[at.pixel * vectors + i % vectors]; }
}
