// Rows of a table by id: y[p] = table[ids[p]], one vector of y after another. A table larger than a binding comes in
// several dispatches, each with rows first ≤ id < first + rows and blind to the others.
// Linked with engine/flat.wgsl and a vector.

// Vectors of y, of a tile and of a row; rows that are bound.
struct Params { n: u32, tile: u32, width: u32, first: u32, rows: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> table: array<vector>;     // [rows, width], from row `first` on
@group(0) @binding(2) var<storage, read> ids: array<u32>;          // [positions]
@group(0) @binding(3) var<storage, read_write> y: array<vector>;   // [positions, width], n vectors

@compute @workgroup_size(WORKGROUP)
fn embedding(lanes: Lanes) {
  let tile = tile_of(lanes, params.tile, params.n);
  for (var i = tile.first; i < tile.end; i += WORKGROUP) {
    let row = ids[i / params.width] - params.first;   // wraps to a huge number below `first`
    if (row < params.rows) { y[i] = table[row * params.width + i % params.width]; }
  }
}
