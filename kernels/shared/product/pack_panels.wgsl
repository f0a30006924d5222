// Lays a matrix into panels of 32 columns, a layer of a texture each: texel x of row r of panel p holds the columns
// 32p + 4x to 32p + 4x + 3 of row r. Behind the last row and the last column lie zeros. One lane, one texel.
// Linked with one of ../vector/*.wgsl.
//
// Constants:
// WORKGROUP: lanes of a workgroup

struct Params {
  rows: u32, columns: u32,   // of the matrix
  height: u32,               // of the panels
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> matrix: array<vector>;
@group(0) @binding(2) var panels: texture_storage_2d_array<rgba32float, write>;

const TEXELS = 8u;   // of a row of a panel

@compute @workgroup_size(WORKGROUP)
fn pack_panels(
  @builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let width = (params.columns + 31u) / 32u * TEXELS;   // texels of all panels, side by side
  let i = group_number(group, groups) * WORKGROUP + lane;
  let row = i / width;
  let texel = i % width;
  if (row >= params.height) { return; }
  var four = vec4f();
  if (row < params.rows && 4u * texel < params.columns) {
    let first = row * params.columns + 4u * texel;
    let at = min(first + vec4u(0u, 1u, 2u, 3u), vec4u(row * params.columns + params.columns - 1u)) / VECTOR;
    four = vec4f(four_in_row(matrix[at.x], matrix[at.y], matrix[at.z], matrix[at.w]));
  }
  textureStore(panels, vec2u(texel % TEXELS, row), texel / TEXELS, four);
}
