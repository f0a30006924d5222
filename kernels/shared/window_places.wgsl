// Places of tokens in a window or in a picture of three axes, outermost first; and kinds of windows by the axes on
// which they are the last. What this is linked with has last_axes among its `params`: three bits for each kind.

fn product_of(v: vec3u) -> u32 { return v.x * v.y * v.z; }

// The place with this number, the last axis fastest.
fn place_of(number: u32, extents: vec3u) -> vec3u {
  let row = number / extents.z;
  return vec3u(row / extents.y, row % extents.y, number % extents.z);
}

fn last_axes_of(kind: u32) -> vec3<bool> {
  return (vec3u(params.last_axes >> (3u * kind)) & vec3u(4u, 2u, 1u)) != vec3u(0u);
}
