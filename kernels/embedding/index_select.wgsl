// One row per batch entry: y[b] = x[b, index[b]], NaN if there is no such row.
// Linked with engine/flat.wgsl, special.wgsl and a vector.

// Vectors to write, and of a tile; rows of an entry, vectors of a row; first entry that is bound.
struct Params { n: u32, tile: u32, length: u32, width: u32, first: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vector>;         // [entries, length, width], from entry `first` on
@group(0) @binding(2) var<storage, read> index: array<u32>;        // [batch], below length
@group(0) @binding(3) var<storage, read_write> y: array<vector>;   // [batch, width], n vectors of which are written

@compute @workgroup_size(WORKGROUP)
fn index_select(lanes: Lanes) {
  let tile = tile_of(lanes, params.tile, params.n);
  for (var i = tile.first; i < tile.end; i += WORKGROUP) {
    let b = i / params.width;
    let row = index[params.first + b];
    let place = params.first * params.width + i;
    if (row < params.length) { y[place] = x[(b * params.length + row) * params.width + i % params.width]; }
    else { y[place] = vector(vector_of(nan_of(vec4f(f32(row))))); }
  }
}
