// Gradient of the largest or smallest element: those of its rank share it, dx[o, k, i] = dy[o, i] / ties[o, i] where
// x[o, k, i] = y[o, i], else 0. Where y is NaN, all of its dx are. A range of dx has whole lines, or rows of one line.
// Linked with engine/flat.wgsl (which vectors of dx a lane takes), a vector, rank/rank.wgsl and rank/largest.wgsl:
// ranks are only compared for equality.

struct Params {
  n: u32, tile: u32,             // vectors of dx in this range, and those of a workgroup
  extent: u32, inner: u32,       // inner in vectors
  x_start: u32, y_start: u32,    // where the range begins in what is bound of x and dx, and of the others
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vector>;                 // [outer, extent, inner]
@group(0) @binding(2) var<storage, read> y: array<vector>;                 // [outer, inner]
@group(0) @binding(3) var<storage, read> dy: array<vector>;                // [outer, inner]
@group(0) @binding(4) var<storage, read> ties: array<word>;                // [outer, inner]
@group(0) @binding(5) var<storage, read_write> dx: array<result_vector>;   // [outer, extent, inner]

alias number = vector32;
alias word = vector_u32;

const NAN_BITS = 0x7fc00000u;

@compute @workgroup_size(WORKGROUP)
fn extremes_grad(lanes: Lanes) {
  let tile = tile_of(lanes, params.tile, params.n);
  for (var i = tile.first; i < tile.end; i += WORKGROUP) {
    let j = params.y_start + i / (params.extent * params.inner) * params.inner + i % params.inner;
    let rank = rank_of(vector32(y[j]));
    let share = bitcast<word>(vector32(dy[j]) / vector32(ties[j]));
    // chosen as bits, for adapters may take it that no float is NaN
    let chosen = select(word(), share, rank_of(vector32(x[params.x_start + i])) == rank);
    dx[params.x_start + i] = result_vector(bitcast<vector32>(select(chosen, word(NAN_BITS), rank == word(NAN))));
  }
}
