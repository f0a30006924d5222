// Gradient of slice: dx[o, r] = dy[o, r − start] where start ≤ r < end, and 0 elsewhere, in one pass over dx. A row
// is everything from the cut axis inwards, so a slice is one stretch of it. Linked with engine/flat.wgsl and a
// vector.

// Vectors of dx, of a tile, and of a row; where the slice lies in a row.
struct Params { n: u32, tile: u32, row: u32, start: u32, end: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> dy: array<vector>;                // [outer, end − start]
@group(0) @binding(2) var<storage, read_write> dx: array<result_vector>;   // [outer, row], n vectors

@compute @workgroup_size(WORKGROUP)
fn slice_grad(lanes: Lanes) {
  let tile = tile_of(lanes, params.tile, params.n);
  for (var i = tile.first; i < tile.end; i += WORKGROUP) {
    let r = i % params.row;
    var d = result_vector();
    let length = params.end - params.start;
    if (r >= params.start && r < params.end) { d = result_vector(dy[i / params.row * length + r - params.start]); }
    dx[i] = d;
  }
}
