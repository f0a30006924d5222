// y = x in another element type: f32 rounds to the nearest f16, or to infinity beyond 65504; every f16 is an f32.
// Linked with flat.wgsl.

struct Params { n: u32, tile: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<elem>;           // [n]
@group(0) @binding(2) var<storage, read_write> y: array<result>;   // [n]

@compute @workgroup_size(WORKGROUP)
fn convert(lanes: Lanes) {
  let tile = tile_of(lanes, params.tile, params.n);
  for (var i = tile.first; i < tile.end; i += WORKGROUP) { y[i] = result(x[i]); }
}
