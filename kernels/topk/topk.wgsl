// The k largest elements of each row, largest first; equal ones in the order of their places. k rounds over the row, in
// each of which its lanes look for the best element behind the one that the round before found: lower in rank, or equal
// and further on. So nothing needs to be crossed out, and no element comes twice. A dispatch makes `rounds` of them,
// from round `done` on.
// Linked with row/*.wgsl: the lanes of a row share it; with a vector and its fold (reduce/fold.wgsl); and with
// rank/*.wgsl, which keep NaN: it comes first.

struct Params {
  rows: u32, vectors: u32,       // rows of this range, and the length of one
  k: u32,
  done: u32, rounds: u32,        // rounds of the dispatches before, and of this one
  x_start: u32, y_start: u32,    // where the range begins in what is bound of x, and of the others
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vector>;               // [rows, vectors]
@group(0) @binding(2) var<storage, read_write> values: array<elem>;      // [rows, k]
@group(0) @binding(3) var<storage, read_write> indices: array<u32>;      // [rows, k]

alias number = f32;
alias word = u32;

// Where this round begins: at elements of this rank from this place on, and at all of lower rank.
var<private> from_rank = NAN;
var<private> from_place = 0u;

// An element as a candidate of this round; nothing if an earlier round had it.
fn state_of(value: number, place: u32) -> state {
  let rank = rank_of(value);
  let is_left = rank < from_rank || (rank == from_rank && place >= from_place);
  return state(select(0u, rank, is_left), select(NO_MARK, place, is_left));
}

@compute @workgroup_size(WORKGROUP)
fn topk(lanes: Lanes) {
  let row = row_of(lanes);
  let clamped = min(row, params.rows - 1u);   // lanes past the end follow the last row, so that all reach `across`
  let base = clamped * params.vectors + params.x_start;
  let first = clamped * params.k + params.done + params.y_start;
  if (params.done > 0u) {
    from_rank = rank_of(f32(values[first - 1u]));
    from_place = indices[first - 1u] + 1u;
  }
  for (var round = 0u; round < params.rounds; round++) {
    var best = identity();
    for (var i = lanes.lane; i < params.vectors; i += row_lanes(lanes)) {
      best = combine(best, folded(vector32(x[base + i]), i));
    }
    let found = across(best, lanes);
    if (row < params.rows && lanes.lane == 0u) {
      values[first + round] = elem(number_of(found.rank));
      indices[first + round] = found.mark;
    }
    from_rank = found.rank;
    from_place = found.mark + 1u;
  }
}
