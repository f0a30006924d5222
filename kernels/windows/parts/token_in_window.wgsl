// Which token a row of windows has. Windows come kind by kind, of a kind picture by picture.
// A picture is thought of as filled up with zeros to whole windows, and turned by `shift` on each axis, so that the
// last window of an axis has the first tokens at its end. Liu et al. 2021, arXiv:2103.14030, figure 4. Linked with
// ../../shared/kinds.wgsl and window_places.wgsl.

struct Params {
  rows: u32, channels: u32,             // tokens of all windows, and vectors of one
  row_origin: u32, token_origin: u32,   // where both begin in what is bound, in vectors
  extent0: u32, extent1: u32, extent2: u32,   // tokens of a picture
  window0: u32, window1: u32, window2: u32,   // tokens of a window
  shift0: u32, shift1: u32, shift2: u32,
  count0: u32, count1: u32, count2: u32,      // windows of a picture
  kind1: u32, kind2: u32, kind3: u32, kind4: u32, kind5: u32, kind6: u32, kind7: u32, last_axes: u32,
}

@group(0) @binding(0) var<uniform> params: Params;

fn token_of(row: u32) -> u32 {
  let extents = vec3u(params.extent0, params.extent1, params.extent2);
  let size = vec3u(params.window0, params.window1, params.window2);
  let shift = vec3u(params.shift0, params.shift1, params.shift2);
  let counts = vec3u(params.count0, params.count1, params.count2);
  let window = row / product_of(size);
  let kind = kind_of(window);
  let is_last = last_axes_of(kind);
  // windows of this kind on each axis, and the first of them: the last one, or all others where there is a shift
  let many = select(counts - min(shift, vec3u(1u)), vec3u(1u), is_last);
  let first = select(vec3u(0u), counts - 1u, is_last);
  let of_kind = window - first_of_kind(kind);
  let picture = of_kind / product_of(many);
  let at = first + place_of(of_kind % product_of(many), many);
  let turned = at * size + place_of(row % product_of(size), size) + shift;
  let whole = counts * size;
  let token = select(turned, turned - whole, turned >= whole);
  if (any(token >= extents)) { return NO_TOKEN; }
  return ((picture * extents.x + token.x) * extents.y + token.y) * extents.z + token.z;
}

// The first window of a kind.
fn first_of_kind(kind: u32) -> u32 {
  let firsts = array(0u, params.kind1, params.kind2, params.kind3, params.kind4, params.kind5, params.kind6,
    params.kind7);
  return firsts[kind];
}
