// First stage of the gradient of embedding, for ids that occur often (padding, start of text): sums over splits of
// their positions. Without it one lane would add thousands of rows while the others wait.
//   partial[s] = Σ dy[order[k]], splits[s].first ≤ k < splits[s].end, in rising order
// Linked with engine/flat.wgsl and a vector.
//
// Constants:
//   CUT     dy is cut into ranges of positions, each of which is a dispatch
//   ADDED   this dispatch goes on with the sums of those before it

// Vectors of all sums, of a tile, and of a row; range of dy that is bound.
struct Params { n: u32, tile: u32, width: u32, first_position: u32, positions: u32 }

struct Split { first: u32, end: u32 }   // of `order`; equal where unused

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> dy: array<vector>;   // [positions, width], from `first_position` on
@group(0) @binding(2) var<storage, read> order: array<u32>;   // [all positions], sorted by id, then by position
@group(0) @binding(3) var<storage, read> splits: array<Split>;
@group(0) @binding(4) var<storage, read_write> partial: array<vector32>;   // [splits, width], n vectors

@compute @workgroup_size(WORKGROUP)
fn embedding_partial(lanes: Lanes) {
  let tile = tile_of(lanes, params.tile, params.n);
  for (var i = tile.first; i < tile.end; i += WORKGROUP) {
    let split = splits[i / params.width];
    var sum = vector32();
    if (ADDED) { sum = partial[i]; }
    for (var k = split.first; k < split.end; k++) {
      let position = order[k] - params.first_position;   // wraps to a huge number below it
      if (!CUT || position < params.positions) { sum += vector32(dy[position * params.width + i % params.width]); }
    }
    partial[i] = sum;
  }
}
