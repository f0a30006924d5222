// Gradient of embedding: dtable[id] = Σ dy[p] over the positions p of that id, in rising order. No atomics: the host
// sorted the positions by id, and one lane adds one column of one id. The table is cleared beforehand, so rows of
// absent ids are 0.
// Linked with engine/flat.wgsl and a vector.
//
// Constants:
//   CUT     dy is cut into ranges of positions, each of which is a dispatch
//   ADDED   this dispatch goes on with the sums of those before it

struct Params {
  n: u32, tile: u32, width: u32,          // vectors of all lists, of a tile, and of a row
  first: u32, rows: u32,                  // rows of the table that are bound
  first_position: u32, positions: u32,    // range of dy that is bound
}

// Where an id occurs: in `order` from `first` to `end`, or, if that is long, in so many rows of `partial`. Unused
// where first = end.
struct List { id: u32, first: u32, end: u32, is_long: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> dy: array<vector>;   // [positions, width], from `first_position` on
@group(0) @binding(2) var<storage, read> order: array<u32>;   // [all positions], sorted by id, then by position
@group(0) @binding(3) var<storage, read> lists: array<List>;   // [all positions]
@group(0) @binding(4) var<storage, read> partial: array<vector32>;   // [splits, width]
@group(0) @binding(5) var<storage, read_write> dtable: array<result_vector>;   // [rows, width], of ids from `first` on

@compute @workgroup_size(WORKGROUP)
fn embedding_grad(lanes: Lanes) {
  let tile = tile_of(lanes, params.tile, params.n);
  for (var i = tile.first; i < tile.end; i += WORKGROUP) {
    let column = i % params.width;
    let list = lists[i / params.width];
    let is_long = list.is_long == 1u;
    let row = list.id - params.first;   // wraps to a huge number below `first`
    if (list.first == list.end || row >= params.rows || (ADDED && is_long)) { continue; }
    let place = row * params.width + column;
    var sum = vector32();
    if (ADDED) { sum = vector32(dtable[place]); }
    if (is_long) {
      for (var k = list.first; k < list.end; k++) { sum += partial[k * params.width + column]; }
    } else {
      for (var k = list.first; k < list.end; k++) {
        let position = order[k] - params.first_position;   // wraps to a huge number below it
        if (!CUT || position < params.positions) { sum += vector32(dy[position * params.width + column]); }
      }
    }
    dtable[place] = result_vector(sum);
  }
}
