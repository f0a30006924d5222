// Scaled dot-product attention, forward, on matrix units: y = softmax(q·kᵀ/√Dh + mask)·v, without storing the L × S weights.
// As attention.wgsl, but sums held by matrix units cannot be shrunk row by row when a larger logit comes. So the keys are walked over twice:
//   top = the largest logit of a row;   then   weight = exp(logit − top),   y = Σ weight · v / Σ weight
// One product more for each pair, and nothing but sums in the second walk. No weight is over 1, one of each row is 1: f16 holds them well, and y
// is divided by the sum of what f16 made of them, so that it stays a mean of values. The second walk goes backwards: its first block is still there.
// One workgroup per ROWS queries of a head; keys and values come in blocks. Linked with problem.wgsl, finite.wgsl, seen_sum.wgsl, matrix.wgsl
// and shared/matrix/*.wgsl.

@group(0) @binding(5) var<storage, read_write> y: array<vector>;            // B × H × L rows
@group(0) @binding(6) var<storage, read_write> log_sum_exp: array<f32>;   // [B, H, L], kept for the gradient

const QUERIES = 0u;
const KEYS = ROWS * ROW;
const VALUES = KEYS + BLOCK * ROW;
const WEIGHTS = VALUES + BLOCK * ROW;
var<workgroup> halves: array<vec4<matrix_elem>, WEIGHTS + ROWS * WEIGHTS_ROW>;
var<workgroup> sums_out: array<vec4f, SHEET>;
var<workgroup> norms: array<vec2f, ROWS>;   // 1 / Σ weight, and top

fn run(group: vec3u, groups: vec3u, lane: u32, subgroup: u32) {
  let pieces = (params.queries + ROWS - 1u) / ROWS;
  let piece = group_number(group, groups);
  let problem = piece / pieces;
  if (problem >= params.problems) { return; }
  let first_query = (piece % pieces) * ROWS;
  let row = lane / SHARES;
  let l = first_query + row;   // may lie beyond the last query: such a row sees no key and is not written

  let queries = Rows(query_start(problem), params.query_row, params.queries);
  let keys = Rows(key_start(problem), params.key_row, params.keys);
  let values = Rows(value_start(problem), params.key_row, params.keys);
  let end = keys_before(first_query + ROWS);
  let blocks = (end + BLOCK - 1u) / BLOCK;
  stage(QUERIES, &query, queries, first_query, ROWS, lane);

  var top = HIDDEN;
  var reach = vec4u();   // of the logits, which max lets go of if they are NaN
  for (var b = 0u; b < blocks; b++) {
    stage(KEYS, &key, keys, b * BLOCK, BLOCK, lane);
    workgroupBarrier();   // operands must be whole, and the last sheet read
    compare(QUERIES, KEYS, 0u, subgroup);
    workgroupBarrier();   // the sheet must be whole, and the keys are free again
    for (var c = lane % SHARES; c < BLOCK_VECTORS; c += SHARES) {
      let four = logits_of(sums_out[row * SHEET_ROW + c], problem, vec4u(l), b * BLOCK + 4u * c + FOUR);
      top = max(top, max_of(four));
      reach = max(reach, reach_of(four));
    }
  }
  top = row_top(top, lane);

  var sums: Result;
  var totals = vec4f();   // Σ weight, Σ of what f16 made of them, and how many lanes have seen what is not finite
  for (var b = blocks; b > 0u; b--) {
    let first = (b - 1u) * BLOCK;
    stage(VALUES, &value, values, first, BLOCK, lane);
    if (b < blocks) {
      stage(KEYS, &key, keys, first, BLOCK, lane);
      workgroupBarrier();   // keys must be whole
      compare(QUERIES, KEYS, 0u, subgroup);
      workgroupBarrier();   // the sheet must be whole
    }
    for (var c = lane % SHARES; c < BLOCK_VECTORS; c += SHARES) {
      let w = weights(logits_of(sums_out[row * SHEET_ROW + c], problem, vec4u(l), first + 4u * c + FOUR), vec4f(top));
      halves[WEIGHTS + row * WEIGHTS_ROW + c] = vec4<matrix_elem>(w);
      totals.x += total_of(w);
    }
    workgroupBarrier();   // weights and values must be whole
    gather(WEIGHTS, VALUES, subgroup, &sums);
    totals.y += stored_total(WEIGHTS, lane);
    workgroupBarrier();   // nobody may overwrite them before all have multiplied
  }

  totals.z = select(0.0, 1.0, any(reach >= vec4u(INFINITY_BITS)));
  totals = row_total(totals, lane);
  let sees = totals.x > 0.0;
  let row_reach = select(vec4u(), vec4u(INFINITY_BITS), totals.z > 0.0);
  if (lane % SHARES == 0u) {
    norms[row] = vec2f(unless_flawed(vec4f(select(0.0, 1.0 / totals.y, sees)), row_reach).x, top);
    if (l < params.queries) { log_sum_exp[level_start(problem) + l] = unless_flawed(vec4f(select(DEAD, top + log(totals.x), sees)), row_reach).x; }
  }
  for (var strip = 0u; strip < strips(); strip++) {
    show(strip, 0u, subgroup, &sums);
    workgroupBarrier();   // the sheet and, the first time, the norms must be whole
    for (var i = lane; i < ROWS * BLOCK_VECTORS; i += LANES) {
      let r = i / BLOCK_VECTORS;
      let c = strip * BLOCK_VECTORS + i % BLOCK_VECTORS;
      if (first_query + r < params.queries && c < vectors()) {
        var sum = sums_out[r * SHEET_ROW + i % BLOCK_VECTORS];
        if (is_not_finite(sum)) { sum = seen_sum(problem, first_query + r, norms[r].y, c); }
        y[output_start(problem) + (first_query + r) * params.output_row + c] = vector(norms[r].x * sum);
      }
    }
    workgroupBarrier();   // nobody may overwrite the sheet before all have read it
  }
}
