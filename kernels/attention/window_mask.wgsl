// Masks of windows: for every kind of windows and every head, what is added to the logits.
//   mask[kind, h, l, s] = table[offset of s from l, h] − 100 where l and s must be kept apart
// A table of relative positions has a row for each offset that two places of a window can have, and a column for each
// head. Liu et al. 2021, arXiv:2103.14030, equation 4. The last window of an axis that is shifted has tokens of both
// ends of it. The side of a token is whether it lies in the last `shift` places of its window. Tokens of different
// sides are kept apart by −100, as in all implementations of Swin: it is felt where a query likes no key.
// A lane has four queries and one key, and walks over heads and kinds. Linked with parts/mask_into.*.wgsl and
// ../shared/window_places.wgsl.
//
// Constants:
// WORKGROUP: lanes of a workgroup

struct Params {
  tokens: u32, heads: u32, kinds: u32, last_axes: u32,
  full0: u32, full1: u32, full2: u32,         // the window that the table is for
  window0: u32, window1: u32, window2: u32,   // the window as it is: no larger on any axis
  shift0: u32, shift1: u32, shift2: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> table: array<elem>;   // [(2·full − 1) of each axis, H]

const APART = -100.0;

@compute @workgroup_size(WORKGROUP)
fn window_mask(
  @builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = group_number(group, groups) * WORKGROUP + lane;
  let first = 4u * (i / params.tokens);
  let s = i % params.tokens;
  if (first >= params.tokens) { return; }
  var rows: vec4u;
  var sides: array<vec3<bool>, 4>;   // on which axes the four are on another side than the key
  for (var j = 0u; j < 4u; j++) {
    let l = min(first + j, params.tokens - 1u);
    rows[j] = params.heads * row_of(l, s);
    sides[j] = sides_of(l) != sides_of(s);
  }
  for (var h = 0u; h < params.heads; h++) {
    let at = rows + h;
    let bias = vec4f(f32(table[at.x]), f32(table[at.y]), f32(table[at.z]), f32(table[at.w]));
    for (var kind = 0u; kind < params.kinds; kind++) {
      let last = last_axes_of(kind);
      let are_apart = vec4<bool>(
        any(sides[0] & last), any(sides[1] & last), any(sides[2] & last), any(sides[3] & last),
      );
      store_mask(kind * params.heads + h, first, s, bias + select(vec4f(), vec4f(APART), are_apart));
    }
  }
}

// The row of the table. Tokens are counted through the full window, even where the window has fewer of them: the rows
// are then not those of their offsets, but so the published weights were trained.
fn row_of(l: u32, s: u32) -> u32 {
  let full = vec3u(params.full0, params.full1, params.full2);
  let offset = place_of(l, full) + full - 1u - place_of(s, full);
  let offsets = 2u * full - 1u;
  return (offset.x * offsets.y + offset.y) * offsets.z + offset.z;
}

fn sides_of(token: u32) -> vec3<bool> {
  let window = vec3u(params.window0, params.window1, params.window2);
  return place_of(token, window) + vec3u(params.shift0, params.shift1, params.shift2) >= window;
}
