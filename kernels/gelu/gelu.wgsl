// GELU, Gaussian error linear unit, and QuickGELU: y = activation(x), element by element. Each lane takes vectors of
// four elements, or single ones where their number is no multiple of 4; 8 bytes of memory traffic an element bound it.
// Linked with one of ../shared/activation/*.wgsl (`activation`), one of ../shared/vector/*.wgsl (`vector`: as stored,
// `vector32`: as computed with), and engine/flat.wgsl (which elements a lane takes). An activation takes four numbers:
// of a single element it gets four copies, and `vector_of` keeps one of the results.

struct Params { vectors: u32, tile: u32 }   // vectors in all, and how many of them a workgroup takes

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vector>;         // [vectors]
@group(0) @binding(2) var<storage, read_write> y: array<vector>;   // [vectors]

@compute @workgroup_size(WORKGROUP)
fn gelu(lanes: Lanes) {
  let tile = tile_of(lanes, params.tile, params.vectors);
  for (var i = tile.first; i < tile.end; i += WORKGROUP) {
    y[i] = vector(vector_of(activation(vec4f(vector32(x[i])))));
  }
}
