// Masks of windows: for every kind of windows and every head, what is added to the logits.
//   mask[kind, h, l, s] = table[offset of s from l, h] − 100 where l and s must be kept apart
// A table of relative positions has a row for each offset that two places of a window can have, and a column for each
// head. Liu et al. 2021, arXiv:2103.14030, equation 4. The last window of an axis that is shifted has tokens of both
// ends of it. The side of a token is whether it lies in the last `shift` places of its window. Tokens of different
// sides are kept apart by −100, as in all implementations of Swin: it is felt where a query likes no key.
// A lane has four queries and one key, and walks over heads and kinds. Linked with parts/mask_into.*.wgsl and
// ../shared/quotient.wgsl.
//
// Constants:
// WORKGROUP: lanes of a workgroup

struct Params {
  tokens: u32, heads: u32, kinds: u32, last_axes: u32,   // last_axes: three bits for each kind, outermost axis first
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
  let pair = pair_of(group_number(group, groups) * WORKGROUP + lane);
  let first = pair.x;
  let s = pair.y;
  if (first >= params.tokens) { return; }
  let l = min(first + vec4u(0u, 1u, 2u, 3u), vec4u(params.tokens - 1u));
  let rows = params.heads * rows_of(l, vec4u(s));
  let apart = sides_of(l) ^ sides_of(vec4u(s));   // on which axes the four are on another side than the key
  for (var h = 0u; h < params.heads; h++) {
    let at = rows + h;
    let bias = vec4f(f32(table[at.x]), f32(table[at.y]), f32(table[at.z]), f32(table[at.w]));
    for (var kind = 0u; kind < params.kinds; kind++) {
      let are_apart = (apart & vec4u((params.last_axes >> (3u * kind)) & 7u)) != vec4u();
      store_mask(kind * params.heads + h, first, s, bias + select(vec4f(), vec4f(APART), are_apart));
    }
  }
}

// Places of four tokens in a window, on each axis.
struct Places { outer: vec4u, middle: vec4u, inner: vec4u }

fn places_of(tokens: vec4u, window: vec3u) -> Places {
  let row = quotient(tokens, 1.0 / f32(window.z));
  let plane = quotient(row, 1.0 / f32(window.y));
  return Places(plane, row - plane * window.y, tokens - row * window.z);
}

// Rows of the table. Tokens are counted through the full window, even where the window has fewer of them: the rows
// are then not those of their offsets, but so the published weights were trained.
fn rows_of(l: vec4u, s: vec4u) -> vec4u {
  let full = vec3u(params.full0, params.full1, params.full2);
  let offsets = 2u * full - 1u;
  let of_l = places_of(l, full);
  let of_s = places_of(s, full);
  let outer = of_l.outer + full.x - 1u - of_s.outer;
  let middle = of_l.middle + full.y - 1u - of_s.middle;
  let inner = of_l.inner + full.z - 1u - of_s.inner;
  return (outer * offsets.y + middle) * offsets.z + inner;
}

// On which axes tokens lie in the last places of their window: 4 for the outermost, 2, and 1 for the innermost.
fn sides_of(tokens: vec4u) -> vec4u {
  let places = places_of(tokens, vec3u(params.window0, params.window1, params.window2));
  return select(vec4u(), vec4u(4u), places.outer + params.shift0 >= vec4u(params.window0))
    | select(vec4u(), vec4u(2u), places.middle + params.shift1 >= vec4u(params.window1))
    | select(vec4u(), vec4u(1u), places.inner + params.shift2 >= vec4u(params.window2));
}
