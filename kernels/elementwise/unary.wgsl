// y = value(x), element by element.
// Linked with a file of unary/ (`value`) and the functions of ../shared/ that it calls, with engine/flat.wgsl (which
// vectors a lane takes) and a vector.

struct Params { n: u32, tile: u32, low: f32, high: f32 }   // vectors, those of a workgroup, and the bounds of clamp

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vector>;         // [n]
@group(0) @binding(2) var<storage, read_write> y: array<vector>;   // [n]

@compute @workgroup_size(WORKGROUP)
fn unary(lanes: Lanes) {
  let tile = tile_of(lanes, params.tile, params.n);
  for (var i = tile.first; i < tile.end; i += WORKGROUP) { y[i] = vector(vector_of(value(vec4f(vector32(x[i]))))); }
}
