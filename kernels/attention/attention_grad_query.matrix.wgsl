// Gradient of attention for the queries, on matrix units: dq = 1/√Dh · Σ over keys of dlogit · k, dlogit = weight · (dweight − delta).
// As attention_grad_query.wgsl, and as there delta is summed from the dweights themselves, because dy·y has the rounding of the stored y in it.
// But a second walk over the keys would double the work. Instead the only walk takes off `base`, the mean of the first block's dweights, and
// what delta is above it comes off at the end:
//   dq = 1/√Dh · (Σ weight · (dweight − base) · k − above · Σ weight · k),   above = Σ weight · (dweight − base) / Σ weight
// four products of every pair in place of five. What is common to all values, or to all keys, cancels in this before f16 rounds it, or as exactly as
// f32 adds: for dq, `above` is made of the numbers that f16 made of the weights and dlogits.
// delta leaves in two numbers, base and above, for attention_grad_key_value.matrix.wgsl or its f32 forms.
// One workgroup per ROWS queries of a head; keys and values come in blocks. Linked with problem.wgsl, finite.wgsl, matrix.wgsl
// and shared/matrix/*.wgsl.

@group(0) @binding(5) var<storage, read> dy: array<vector>;             // B × H × L rows
@group(0) @binding(6) var<storage, read> log_sum_exp: array<f32>;     // [B, H, L]
@group(0) @binding(7) var<storage, read_write> delta: array<vec2f>;   // [B, H, L], for attention_grad_key_value.*.wgsl
@group(0) @binding(8) var<storage, read_write> dquery: array<result_vector>;   // lies as `query` does

const QUERIES = 0u;
const DYS = ROWS * ROW;
const KEYS = DYS + ROWS * ROW;
const VALUES = KEYS + BLOCK * ROW;
const WEIGHTS = VALUES + BLOCK * ROW;
const DLOGITS = WEIGHTS + ROWS * WEIGHTS_ROW;
var<workgroup> halves: array<vec4<matrix_elem>, DLOGITS + ROWS * WEIGHTS_ROW>;
var<workgroup> sums_out: array<vec4f, 2u * SHEET>;   // products, dweights
var<workgroup> aboves: array<f32, ROWS>;

fn run(group: vec3u, groups: vec3u, lane: u32, subgroup: u32) {
  let pieces = (params.queries + ROWS - 1u) / ROWS;
  let piece = group_number(group, groups);
  let problem = piece / pieces;
  if (problem >= params.problems) { return; }
  let first_query = (piece % pieces) * ROWS;
  let row = lane / SHARES;
  let l = first_query + row;   // may lie beyond the last query: such a row sees no key and is not written

  let keys = Rows(key_start(problem), params.key_row, params.keys);
  let values = Rows(value_start(problem), params.key_row, params.keys);
  let end = keys_before(first_query + ROWS);
  stage(QUERIES, &query, Rows(query_start(problem), params.query_row, params.queries), first_query, ROWS, lane);
  stage(DYS, &dy, Rows(output_start(problem), params.output_row, params.queries), first_query, ROWS, lane);

  let level = vec4f(log_sum_exp[level_start(problem) + min(l, params.queries - 1u)]);
  var base = 0.0;
  var totals = vec4f();   // Σ weight · (dweight − base), Σ weight, and the same of what f16 made of them
  var dq: Result;         // Σ weight · (dweight − base) · k
  var mean: Result;       // Σ weight · k
  for (var first = 0u; first < end; first += BLOCK) {
    stage_sound(KEYS, &key, keys, first, BLOCK, lane);
    stage(VALUES, &value, values, first, BLOCK, lane);
    workgroupBarrier();   // operands must be whole
    compare(QUERIES, KEYS, 0u, subgroup);
    compare(DYS, VALUES, SHEET, subgroup);
    workgroupBarrier();   // sheets must be whole
    if (first == 0u) { base = mean_dweight(problem, l, level, lane); }
    for (var c = lane % SHARES; c < BLOCK_VECTORS; c += SHARES) {
      let at = row * SHEET_ROW + c;
      let w = weights(logits_of(sums_out[at], problem, vec4u(l), first + 4u * c + FOUR), level);
      let dlogit = w * felt(w, sums_out[SHEET + at] - base);
      halves[WEIGHTS + row * WEIGHTS_ROW + c] = vec4<matrix_elem>(w);
      halves[DLOGITS + row * WEIGHTS_ROW + c] = vec4<matrix_elem>(dlogit);
      totals += vec4f(total_of(dlogit), total_of(w), 0.0, 0.0);
    }
    workgroupBarrier();   // weights and dlogits must be whole
    gather(DLOGITS, KEYS, subgroup, &dq);
    gather(WEIGHTS, KEYS, subgroup, &mean);
    totals += vec4f(0.0, 0.0, stored_total(DLOGITS, lane), stored_total(WEIGHTS, lane));
    workgroupBarrier();   // nobody may overwrite them before all have multiplied
  }

  totals = row_total(totals, lane);
  if (lane % SHARES == 0u) {
    let above = select(vec2f(), totals.zx / totals.wy, totals.wy > vec2f());
    let reach = reach_of(vec4f(base + above.y));   // of delta
    aboves[row] = unless_flawed(vec4f(above.x), reach).x;
    if (l < params.queries) { delta[problem * params.queries + l] = unless_flawed(vec4f(base, above.y, 0.0, 0.0), reach).xy; }
  }
  for (var strip = 0u; strip < strips(); strip++) {
    show(strip, 0u, subgroup, &dq);
    show(strip, SHEET, subgroup, &mean);
    workgroupBarrier();   // sheets and, the first time, `aboves` must be whole
    for (var i = lane; i < ROWS * BLOCK_VECTORS; i += LANES) {
      let r = i / BLOCK_VECTORS;
      let c = strip * BLOCK_VECTORS + i % BLOCK_VECTORS;
      let at = r * SHEET_ROW + i % BLOCK_VECTORS;
      if (first_query + r < params.queries && c < vectors()) {
        let place = query_start(problem) + (first_query + r) * params.query_row + c;
        dquery[place] = result_vector(params.scale * (sums_out[at] - aboves[r] * sums_out[SHEET + at]));
      }
    }
    workgroupBarrier();   // nobody may overwrite the sheets before all have read them
  }
}

// The weighted mean of a row's dweights in the first block: exactly theirs where all are equal.
fn mean_dweight(problem: u32, l: u32, level: vec4f, lane: u32) -> f32 {
  let row = lane / SHARES;
  let start = sound(sums_out[SHEET + row * SHEET_ROW]).x;   // maybe of a hidden key
  var totals = vec4f();   // Σ weight · (dweight − start), Σ weight
  for (var c = lane % SHARES; c < BLOCK_VECTORS; c += SHARES) {
    let at = row * SHEET_ROW + c;
    let w = weights(logits_of(sums_out[at], problem, vec4u(l), 4u * c + FOUR), level);
    totals += vec4f(total_of(w * felt(w, sums_out[SHEET + at] - start)), total_of(w), 0.0, 0.0);
  }
  totals = row_total(totals, lane);
  return start + select(0.0, totals.x / totals.y, totals.y > 0.0);
}
