// Kinds of windows. A window is the last one on each axis that is shifted, or not: up to eight kinds. Windows come kind
// by kind. What it is linked with has these numbers among its `params`: kind1 to kind7, the first window of each kind
// but the first, a huge number where there is no such kind; and last_axes, three bits for each kind.

// How many kinds have begun before a window, but for the first: its own number among them.
fn kind_of(window: u32) -> u32 {
  return u32(window >= params.kind1) + u32(window >= params.kind2) + u32(window >= params.kind3)
    + u32(window >= params.kind4) + u32(window >= params.kind5) + u32(window >= params.kind6)
    + u32(window >= params.kind7);
}

// The first window of a kind.
fn first_of_kind(kind: u32) -> u32 {
  let firsts = array(0u, params.kind1, params.kind2, params.kind3, params.kind4, params.kind5, params.kind6,
    params.kind7);
  return firsts[kind];
}

// On which axes windows of a kind are the last ones.
fn last_axes_of(kind: u32) -> vec3<bool> {
  return ((vec3u(params.last_axes >> (3u * kind)) >> vec3u(2u, 1u, 0u)) & vec3u(1u)) == vec3u(1u);
}
