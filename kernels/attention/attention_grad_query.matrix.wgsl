// Gradient of attention for the queries, on matrix units: dq = 1/√Dh · Σ over keys of dlogit · k, dlogit = weight ·
// (dweight − delta).
// Taken from attention_grad_query.online.wgsl: delta is summed from the dweights themselves, because dy·y has the
// rounding of y in it.
// New here: one walk over the keys does for two. It takes off `base`, the mean of the first tile's dweights, and what
// delta is above it comes off at the end:
//   dq = 1/√Dh · (Σ weight · (dweight − base) · k − above · Σ weight · k)
//   above = Σ weight · (dweight − base) / Σ weight
// four products of every pair in place of five. What is common to all values, or to all keys, cancels in this before
// f16 rounds it, or as exactly as f32 adds: for dq, `above` is made of the numbers that f16 made of the weights and
// dlogits. delta leaves in two numbers, base and above, for attention_grad_key_value.matrix.wgsl or its f32 forms.
// One workgroup per ROWS queries of a head; keys and values come in tiles. Linked with problem.wgsl, finite.wgsl,
// matrix.wgsl and shared/matrix/*.wgsl.
//
// Constants:
// M, N, K, SUBGROUP, TALL, ACROSS, ROWS, LANES, TILE, VECTORS: as in matrix.wgsl

@group(0) @binding(5) var<storage, read> dy: array<vector>;                    // B × H × L rows
@group(0) @binding(6) var<storage, read> log_sum_exp: array<f32>;              // [B, H, L]
@group(0) @binding(7) var<storage, read_write> delta: array<vec2f>;            // [B, H, L], for the kernel of the keys
@group(0) @binding(8) var<storage, read_write> dquery: array<result_vector>;   // lies as `query` does

const QUERIES = 0u;
const DYS = ROWS * ROW;
const KEYS = DYS + ROWS * ROW;
const VALUES = KEYS + TILE * ROW;
const WEIGHTS = VALUES + TILE * ROW;
const DLOGITS = WEIGHTS + ROWS * WEIGHTS_ROW;
var<workgroup> halves: array<vec4<matrix_elem>, DLOGITS + ROWS * WEIGHTS_ROW>;
var<workgroup> sums_out: array<vec4f, 2u * SHEET>;   // products, dweights
var<workgroup> aboves: array<f32, ROWS>;

fn run(group: vec3u, groups: vec3u, lane: u32, subgroup: u32) {
  let query_tiles = (params.queries + ROWS - 1u) / ROWS;
  let query_tile = group_number(group, groups);
  let problem = query_tile / query_tiles;
  if (problem >= params.problems) { return; }
  let first_query = (query_tile % query_tiles) * ROWS;
  let row = lane / SHARES;
  let l = first_query + row;   // may lie beyond the last query: such a row sees no key and is not written

  let keys = Rows(key_start(problem), params.key_row, params.keys);
  let values = Rows(value_start(problem), params.key_row, params.keys);
  let end = keys_before(first_query + ROWS);
  stage(QUERIES, &query, Rows(query_start(problem), params.query_row, params.queries), first_query, ROWS, lane);
  stage(DYS, &dy, Rows(output_start(problem), params.output_row, params.queries), first_query, ROWS, lane);

  let level = vec4f(log_sum_exp[log_sum_exp_start(problem) + min(l, params.queries - 1u)]);
  var base = 0.0;
  var above_sum = 0.0;            // Σ weight · (dweight − base)
  var weight_sum = 0.0;           // Σ weight
  var stored_above_sum = 0.0;     // the same of what f16 made of both
  var stored_weight_sum = 0.0;
  var dq: Result;                 // Σ weight · (dweight − base) · k
  var mean: Result;               // Σ weight · k
  for (var first = 0u; first < end; first += TILE) {
    stage_sound(KEYS, &key, keys, first, TILE, lane);
    stage(VALUES, &value, values, first, TILE, lane);
    workgroupBarrier();   // operands must be whole
    compare(QUERIES, KEYS, 0u, subgroup);
    compare(DYS, VALUES, SHEET, subgroup);
    workgroupBarrier();   // sheets must be whole
    if (first == 0u) { base = mean_dweight(problem, l, level, lane); }
    for (var c = lane % SHARES; c < TILE_VECTORS; c += SHARES) {
      let at = row * SHEET_ROW + c;
      let w = weights(logits_of(sums_out[at], problem, vec4u(l), first + 4u * c + FOUR), level);
      let dlogit = w * felt(w, sums_out[SHEET + at] - base);
      halves[WEIGHTS + row * WEIGHTS_ROW + c] = vec4<matrix_elem>(w);
      halves[DLOGITS + row * WEIGHTS_ROW + c] = vec4<matrix_elem>(dlogit);
      above_sum += four_sum(dlogit);
      weight_sum += four_sum(w);
    }
    workgroupBarrier();   // weights and dlogits must be whole
    gather(DLOGITS, KEYS, subgroup, &dq);
    gather(WEIGHTS, KEYS, subgroup, &mean);
    stored_above_sum += stored_sum(DLOGITS, lane);
    stored_weight_sum += stored_sum(WEIGHTS, lane);
    workgroupBarrier();   // nobody may overwrite them before all have multiplied
  }

  let sums = row_sum(vec4f(above_sum, weight_sum, stored_above_sum, stored_weight_sum), lane);
  if (lane % SHARES == 0u) {
    let above = select(0.0, sums.x / sums.y, sums.y > 0.0);
    let stored_above = select(0.0, sums.z / sums.w, sums.w > 0.0);
    let reach = reach_of(vec4f(base + above));   // of delta
    aboves[row] = unless_flawed(vec4f(stored_above), reach).x;
    if (l < params.queries) {
      delta[problem * params.queries + l] = unless_flawed(vec4f(base, above, 0.0, 0.0), reach).xy;
    }
  }
  for (var tile = 0u; tile < result_tiles(); tile++) {
    show(tile, 0u, subgroup, &dq);
    show(tile, SHEET, subgroup, &mean);
    workgroupBarrier();   // sheets and, the first time, `aboves` must be whole
    for (var i = lane; i < ROWS * TILE_VECTORS; i += LANES) {
      let r = i / TILE_VECTORS;
      let c = tile * TILE_VECTORS + i % TILE_VECTORS;
      let at = r * SHEET_ROW + i % TILE_VECTORS;
      if (first_query + r < params.queries && c < vectors()) {
        let place = query_start(problem) + (first_query + r) * params.query_row + c;
        dquery[place] = result_vector(params.scale * (sums_out[at] - aboves[r] * sums_out[SHEET + at]));
      }
    }
    workgroupBarrier();   // nobody may overwrite the sheets before all have read them
  }
}

// The weighted mean of a row's dweights in the first tile: exactly theirs where all are equal.
fn mean_dweight(problem: u32, l: u32, level: vec4f, lane: u32) -> f32 {
  let row = lane / SHARES;
  let start = sound(sums_out[SHEET + row * SHEET_ROW]).x;   // maybe of a hidden key
  var above_sum = 0.0;    // Σ weight · (dweight − start)
  var weight_sum = 0.0;   // Σ weight
  for (var c = lane % SHARES; c < TILE_VECTORS; c += SHARES) {
    let at = row * SHEET_ROW + c;
    let w = weights(logits_of(sums_out[at], problem, vec4u(l), 4u * c + FOUR), level);
    above_sum += four_sum(w * felt(w, sums_out[SHEET + at] - start));
    weight_sum += four_sum(w);
  }
  let sums = row_sum(vec4f(above_sum, weight_sum, 0.0, 0.0), lane);
  return start + select(0.0, sums.x / sums.y, sums.y > 0.0);
}
