// Scaled dot-product attention, forward: y = softmax(q·kᵀ/√Dh + mask)·v, on matrix units.
// New here: no sum is rescaled, because what matrix units hold cannot be, row by row. So the keys are walked over
// twice:
//   running_max over all keys;   then   weight = exp(logit − running_max),   y = Σ weight · v / Σ weight
// One product more for each pair, and nothing but sums in the second walk. No weight is over 1, one of each row is 1:
// f16 holds them well, and y is divided by the sum of what f16 made of them, so that it stays a mean of values. The
// second walk goes backwards: its first tile is still there. Taken from attention.online.wgsl: logits, weights, and
// what is not finite.
// One workgroup per ROWS queries of a head; keys and values come in tiles. Linked with problem.wgsl, finite.wgsl,
// seen_sum.wgsl, matrix.wgsl and shared/matrix/*.wgsl.
//
// Constants:
// M, N, K, SUBGROUP, TALL, ACROSS, ROWS, LANES, TILE, VECTORS: as in matrix.wgsl

@group(0) @binding(5) var<storage, read_write> y: array<vector>;          // B × H × L rows
@group(0) @binding(6) var<storage, read_write> log_sum_exp: array<f32>;   // [B, H, L], kept for the gradient

const QUERIES = 0u;
const KEYS = ROWS * ROW;
const VALUES = KEYS + TILE * ROW;
const WEIGHTS = VALUES + TILE * ROW;
var<workgroup> halves: array<vec4<matrix_elem>, WEIGHTS + ROWS * WEIGHTS_ROW>;
var<workgroup> sums_out: array<vec4f, SHEET>;
var<workgroup> norms: array<vec2f, ROWS>;   // 1 / Σ weight, and running_max

fn run(group: vec3u, groups: vec3u, lane: u32, subgroup: u32) {
  let query_tiles = (params.queries + ROWS - 1u) / ROWS;
  let query_tile = group_number(group, groups);
  let problem = query_tile / query_tiles;
  if (problem >= params.problems) { return; }
  let first_query = (query_tile % query_tiles) * ROWS;
  let row = lane / SHARES;
  let l = first_query + row;   // may lie beyond the last query: such a row sees no key and is not written

  let queries = Rows(query_start(problem), params.query_row, params.queries);
  let keys = Rows(key_start(problem), params.key_row, params.keys);
  let values = Rows(value_start(problem), params.key_row, params.keys);
  let end = keys_before(first_query + ROWS);
  let tiles = (end + TILE - 1u) / TILE;
  stage(QUERIES, &query, queries, first_query, ROWS, lane);

  var running_max = HIDDEN;
  var reach = vec4u();   // of the logits: tells of NaN, which the max above may lose
  for (var tile = 0u; tile < tiles; tile++) {
    stage(KEYS, &key, keys, tile * TILE, TILE, lane);
    workgroupBarrier();   // operands must be whole, and the last sheet read
    compare(QUERIES, KEYS, 0u, subgroup);
    workgroupBarrier();   // the sheet must be whole, and the keys are free again
    for (var c = lane % SHARES; c < TILE_VECTORS; c += SHARES) {
      let four = logits_of(sums_out[row * SHEET_ROW + c], problem, vec4u(l), tile * TILE + 4u * c + FOUR);
      running_max = max(running_max, max_of(four));
      reach = max(reach, reach_of(four));
    }
  }
  running_max = row_max(running_max, lane);

  var accumulator: Result;
  var denominator = 0.0;        // Σ weight
  var stored_denominator = 0.0; // of what f16 made of the weights
  for (var left = tiles; left > 0u; left--) {
    let first = (left - 1u) * TILE;
    stage(VALUES, &value, values, first, TILE, lane);
    if (left < tiles) {
      stage(KEYS, &key, keys, first, TILE, lane);
      workgroupBarrier();   // keys must be whole
      compare(QUERIES, KEYS, 0u, subgroup);
      workgroupBarrier();   // the sheet must be whole
    }
    for (var c = lane % SHARES; c < TILE_VECTORS; c += SHARES) {
      let logits = logits_of(sums_out[row * SHEET_ROW + c], problem, vec4u(l), first + 4u * c + FOUR);
      let w = weights(logits, vec4f(running_max));
      halves[WEIGHTS + row * WEIGHTS_ROW + c] = vec4<matrix_elem>(w);
      denominator += four_sum(w);
    }
    workgroupBarrier();   // weights and values must be whole
    gather(WEIGHTS, VALUES, subgroup, &accumulator);
    stored_denominator += stored_sum(WEIGHTS, lane);
    workgroupBarrier();   // nobody may overwrite them before all have multiplied
  }

  let flaws = select(0.0, 1.0, any(reach >= vec4u(INFINITY_BITS)));   // lanes that have seen what is not finite
  let sums = row_sum(vec4f(denominator, stored_denominator, flaws, 0.0), lane);
  denominator = sums.x;
  let sees = denominator > 0.0;
  let row_reach = select(vec4u(), vec4u(INFINITY_BITS), sums.z > 0.0);
  if (lane % SHARES == 0u) {
    norms[row] = vec2f(unless_flawed(vec4f(select(0.0, 1.0 / sums.y, sees)), row_reach).x, running_max);
    let level = select(DEAD, running_max + log(denominator), sees);
    if (l < params.queries) { log_sum_exp[log_sum_exp_start(problem) + l] = unless_flawed(vec4f(level), row_reach).x; }
  }
  for (var tile = 0u; tile < result_tiles(); tile++) {
    show(tile, 0u, subgroup, &accumulator);
    workgroupBarrier();   // the sheet and, the first time, the norms must be whole
    for (var i = lane; i < ROWS * TILE_VECTORS; i += LANES) {
      let r = i / TILE_VECTORS;
      let c = tile * TILE_VECTORS + i % TILE_VECTORS;
      if (first_query + r < params.queries && c < vectors()) {
        var sum = sums_out[r * SHEET_ROW + i % TILE_VECTORS];
        if (is_not_finite(sum)) { sum = seen_sum(problem, first_query + r, norms[r].y, c); }
        y[output_start(problem) + (first_query + r) * params.output_row + c] = vector(norms[r].x * sum);
      }
    }
    workgroupBarrier();   // nobody may overwrite the sheet before all have read it
  }
}
