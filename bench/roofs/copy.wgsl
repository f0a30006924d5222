// The roof of memory: y = x, a vector of four at a time, neighbouring lanes at neighbouring vectors.
// Eight bytes of traffic for each f32. What a kernel moves per second is compared with what this one does.
// Linked with engine/flat.wgsl.

struct Params { vectors: u32, tile: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<elem>>;         // [vectors]
@group(0) @binding(2) var<storage, read_write> y: array<vec4<elem>>;   // [vectors]

@compute @workgroup_size(WORKGROUP)
fn copy(lanes: Lanes) {
  let tile = tile_of(lanes, params.tile, params.vectors);
  for (var i = tile.first; i < tile.end; i += WORKGROUP) { y[i] = x[i]; }
}
