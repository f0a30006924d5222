// sum = a + b, element by element: the gradient of a value that was used twice. Linked with flat.wgsl.

struct Params { n: u32, tile: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<elem>;           // [n]
@group(0) @binding(2) var<storage, read> b: array<elem>;           // [n]
@group(0) @binding(3) var<storage, read_write> sum: array<elem>;   // [n]

@compute @workgroup_size(WORKGROUP)
fn add(lanes: Lanes) {
  let tile = tile_of(lanes, params.tile, params.n);
  for (var i = tile.first; i < tile.end; i += WORKGROUP) { sum[i] = elem(f32(a[i]) + f32(b[i])); }
}
