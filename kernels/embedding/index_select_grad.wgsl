// Gradient of index_select: dx[b, l] = dy[b] where l = index[b], else 0; NaN if there is no such l. One pass, which
// writes every vector of dx.
// Linked with engine/flat.wgsl, special.wgsl and a vector.

// Vectors to write, and of a tile; rows of an entry, vectors of a row; first entry that is bound.
struct Params { n: u32, tile: u32, length: u32, width: u32, first: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> dy: array<vector>;                // [batch, width]
@group(0) @binding(2) var<storage, read> index: array<u32>;                // [batch]
@group(0) @binding(3) var<storage, read_write> dx: array<result_vector>; // [entries, length, width], n from `first` on

@compute @workgroup_size(WORKGROUP)
fn index_select_grad(lanes: Lanes) {
  let tile = tile_of(lanes, params.tile, params.n);
  for (var i = tile.first; i < tile.end; i += WORKGROUP) {
    let row = i / params.width;
    let b = params.first + row / params.length;
    let wanted = index[b];
    var d = result_vector();
    if (row % params.length == wanted) { d = result_vector(dy[b * params.width + i % params.width]); }
    else if (wanted >= params.length) { d = result_vector(vector_of(nan_of(vec4f(f32(wanted))))); }
    dx[i] = d;
  }
}
