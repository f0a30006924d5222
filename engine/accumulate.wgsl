// total += x, element by element: gradients of micro-batches are added in place. Linked with flat.wgsl.

struct Params { n: u32, tile: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<elem>;               // [n]
@group(0) @binding(2) var<storage, read_write> total: array<result>;   // [n]

@compute @workgroup_size(WORKGROUP)
fn accumulate(lanes: Lanes) {
  let tile = tile_of(lanes, params.tile, params.n);
  for (var i = tile.first; i < tile.end; i += WORKGROUP) { total[i] = result(f32(total[i]) + f32(x[i])); }
}
