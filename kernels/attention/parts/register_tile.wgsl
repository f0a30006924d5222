// A register tile: what the quad rungs hold for the OWN queries, or keys, of a lane. They stand side by side in a vec4,
// so that a row that is loaded, or asked of another lane, serves four products. Linked with problem.wgsl,
// tile.subgroup.wgsl and shared/vector/*.wgsl.
//
// Constants:
// OWN: queries or keys of a lane, 4      TILE: rows that are met at a time

const STEPS = vec4u(0u, 1u, 2u, 3u);

// A tile is gone through in four quarters, each a loop short enough for compilers to unroll, because a weight must be
// found by a constant to stay in a register. Quarters of a last tile that has no rows for them are left out.
const QUARTER = TILE / 4u;

// One vector of each of the four.
alias Four = array<vector32, OWN>;

// One number of each of the four, for every row of a tile.
alias Weights = array<vec4f, TILE>;

// A vector of each of four queries, in a loop with one load. `start` is where the vector lies in row 0; beyond `last`
// comes the last row again.
fn four_of_query(start: u32, first: u32, last: u32) -> Four {
  var four: Four;
  for (var i = 0u; i < rolled(OWN); i++) {
    four = Four(four[1], four[2], four[3], vector32(query[start + min(first + i, last) * params.query_row]));
  }
  return four;
}

// The numbers of a tile without those of its first four rows, and with those of four others at the end. A loop that
// takes the first four, or gives the last, and then moves on has little code, and finds all by constants.
fn moved_on(w: Weights, four: mat4x4f) -> Weights {
  var next: Weights;
  for (var j = 4u; j < TILE; j++) { next[j - 4u] = w[j]; }
  for (var j = 0u; j < 4u; j++) { next[TILE - 4u + j] = four[j]; }
  return next;
}

// q · k of four rows with one other, a vector of it.
fn products(four: Four, other: vector32) -> vec4f {
  return vec4f(sum_of(four[0] * other), sum_of(four[1] * other), sum_of(four[2] * other), sum_of(four[3] * other));
}

// sum + w · other for each of four sums.
fn plus_weighted(sum: Four, w: vec4f, other: vector32) -> Four {
  return Four(sum[0] + w.x * other, sum[1] + w.y * other, sum[2] + w.z * other, sum[3] + w.w * other);
}

fn sum_of_fours(a: Four, b: Four) -> Four { return Four(a[0] + b[0], a[1] + b[1], a[2] + b[2], a[3] + b[3]); }

// Of four queries `l`, none beyond the last, how many keys each sees but for a mask: the first ones.
fn seen_by(l: vec4u) -> vec4u {
  return select(vec4u(params.keys), min(vec4u(params.keys), params.earlier + l + 1u), params.causal == 1u);
}

// `logit` for four queries `l` and one key `s`; `mask` is `mask_start` of the problem, and `seen` is `seen_by(l)`.
fn logits(products: vec4f, mask: u32, l: vec4u, seen: vec4u, s: u32) -> vec4f {
  let is_seen = vec4u(s) < seen;
  if (!MASKED) { return select(vec4f(HIDDEN), params.scale * products, is_seen); }
  let bias = mask_of_four(mask, l, s);
  return select(vec4f(HIDDEN), params.scale * products + bias, is_seen & !hides(bias));
}

// Quarters of the tile from row `first` on that have rows, of `count` in all.
fn quarters_of(first: u32, count: u32) -> u32 { return (min(TILE, count - first) + QUARTER - 1u) / QUARTER; }

// w[j] += products of the lane's four rows with row j of a tile, by one vector of each.
fn add_products(w: ptr<function, Weights>, four: Four, column: Column, quarters: u32) {
  for (var j = 0u; j < QUARTER; j++) { (*w)[j] += products(four, take_a(column, j)); }
  if (quarters > 1u) { for (var j = QUARTER; j < 2u * QUARTER; j++) { (*w)[j] += products(four, take_a(column, j)); } }
  if (quarters > 2u) {
    for (var j = 2u * QUARTER; j < 3u * QUARTER; j++) { (*w)[j] += products(four, take_a(column, j)); }
  }
  if (quarters > 3u) { for (var j = 3u * QUARTER; j < TILE; j++) { (*w)[j] += products(four, take_a(column, j)); } }
}

// Σ over the rows of a tile of w[j] · row j, one vector of it, for each of four sums. Each quarter is added up by
// itself: a fraction of the rounding.
fn weighted(w: ptr<function, Weights>, column: Column, quarters: u32) -> Four {
  var sums = array<Four, 4>();
  for (var j = 0u; j < QUARTER; j++) { sums[0] = plus_weighted(sums[0], (*w)[j], take_a(column, j)); }
  if (quarters > 1u) {
    for (var j = QUARTER; j < 2u * QUARTER; j++) { sums[1] = plus_weighted(sums[1], (*w)[j], take_a(column, j)); }
  }
  if (quarters > 2u) {
    for (var j = 2u * QUARTER; j < 3u * QUARTER; j++) { sums[2] = plus_weighted(sums[2], (*w)[j], take_a(column, j)); }
  }
  if (quarters > 3u) {
    for (var j = 3u * QUARTER; j < TILE; j++) { sums[3] = plus_weighted(sums[3], (*w)[j], take_a(column, j)); }
  }
  return sum_of_fours(sum_of_fours(sums[0], sums[1]), sum_of_fours(sums[2], sums[3]));
}
