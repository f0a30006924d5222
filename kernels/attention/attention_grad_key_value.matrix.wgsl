// Gradient of attention for keys and values, on matrix units: dv = Σ over queries of weight · dy, dk = 1/√Dh · Σ over
// queries of dlogit · q.
// Taken from attention_grad_key_value.online.wgsl: a workgroup owns keys and walks over the queries.
// New here: logits, weights and dlogits lie as [key, query], rows of a key, so that no matrix is transposed on the way.
// Weights and dlogits are computed in f32, delta coming in two numbers, and rounded to f16 once, as operands: what
// cancels has cancelled by then. A dlogit beyond 65,504 becomes infinite, which the loss scale watches for; one below
// 6e-8 becomes 0.
// One workgroup per ROWS keys of a head; queries and their dy come in tiles. Linked with problem.wgsl, finite.wgsl,
// key_value_grads.wgsl, matrix.wgsl and shared/matrix/*.wgsl.
//
// Constants:
// M, N, K, SUBGROUP, TALL, ACROSS, ROWS, LANES, TILE, VECTORS: as in matrix.wgsl

@group(0) @binding(5) var<storage, read> dy: array<vector>;         // B × H × L rows
@group(0) @binding(6) var<storage, read> log_sum_exp: array<f32>;   // [B, H, L]
@group(0) @binding(7) var<storage, read> delta: array<vec2f>;       // [B, H, queries], from attention_grad_query.*.wgsl

const KEYS = 0u;
const VALUES = ROWS * ROW;
const QUERIES = VALUES + ROWS * ROW;
const DYS = QUERIES + TILE * ROW;
const WEIGHTS = DYS + TILE * ROW;
const DLOGITS = WEIGHTS + ROWS * WEIGHTS_ROW;
var<workgroup> halves: array<vec4<matrix_elem>, DLOGITS + ROWS * WEIGHTS_ROW>;
var<workgroup> sums_out: array<vec4f, 2u * SHEET>;   // products, dweights
// of the queries of a tile, four by four: logSumExp, and the two numbers of delta
var<workgroup> levels: array<vec4f, TILE_VECTORS>;
var<workgroup> high: array<vec4f, TILE_VECTORS>;
var<workgroup> low: array<vec4f, TILE_VECTORS>;

fn run(group: vec3u, groups: vec3u, lane: u32, subgroup: u32) {
  let key_tiles = (params.keys + ROWS - 1u) / ROWS;
  let key_tile = group_number(group, groups);
  let problem = key_tile / key_tiles;
  if (problem >= params.problems) { return; }
  let first_key = (key_tile % key_tiles) * ROWS;
  let row = lane / SHARES;
  let s = first_key + row;   // may lie beyond the last key: no query sees such a one, and it is not written

  let queries = Rows(query_start(problem), params.query_row, params.queries);
  let dys = Rows(output_start(problem), params.output_row, params.queries);
  stage(KEYS, &key, Rows(key_start(problem), params.key_row, params.keys), first_key, ROWS, lane);
  stage(VALUES, &value, Rows(value_start(problem), params.key_row, params.keys), first_key, ROWS, lane);

  var dk: Result;
  var dv: Result;
  for (var first = first_to_see(first_key); first < params.queries; first += TILE) {
    // logSumExp and delta tell of queries that are not finite
    stage_sound(QUERIES, &query, queries, first, TILE, lane);
    stage_sound(DYS, &dy, dys, first, TILE, lane);
    for (var c = lane; c < TILE_VECTORS; c += LANES) {
      let l = min(first + 4u * c + FOUR, vec4u(params.queries - 1u));
      let at = log_sum_exp_start(problem) + l;
      levels[c] = vec4f(log_sum_exp[at.x], log_sum_exp[at.y], log_sum_exp[at.z], log_sum_exp[at.w]);
      let d = problem * params.queries + l;
      let pairs = array(delta[d.x], delta[d.y], delta[d.z], delta[d.w]);
      high[c] = vec4f(pairs[0].x, pairs[1].x, pairs[2].x, pairs[3].x);
      low[c] = vec4f(pairs[0].y, pairs[1].y, pairs[2].y, pairs[3].y);
    }
    workgroupBarrier();   // operands must be whole
    compare(KEYS, QUERIES, 0u, subgroup);
    compare(VALUES, DYS, SHEET, subgroup);
    workgroupBarrier();   // sheets must be whole
    for (var c = lane % SHARES; c < TILE_VECTORS; c += SHARES) {
      let at = row * SHEET_ROW + c;
      let logits = logits_of(sums_out[at], problem, first + 4u * c + FOUR, vec4u(s));
      let pair = pair_of(logits, levels[c], (sums_out[SHEET + at] - high[c]) - low[c]);
      halves[WEIGHTS + row * WEIGHTS_ROW + c] = vec4<matrix_elem>(pair.weight);
      halves[DLOGITS + row * WEIGHTS_ROW + c] = vec4<matrix_elem>(pair.dlogit);
    }
    workgroupBarrier();   // weights and dlogits must be whole
    gather(WEIGHTS, DYS, subgroup, &dv);
    gather(DLOGITS, QUERIES, subgroup, &dk);
    workgroupBarrier();   // nobody may overwrite them before all have multiplied
  }

  for (var tile = 0u; tile < result_tiles(); tile++) {
    show(tile, 0u, subgroup, &dk);
    show(tile, SHEET, subgroup, &dv);
    workgroupBarrier();   // sheets must be whole
    for (var i = lane; i < ROWS * TILE_VECTORS; i += LANES) {
      let s_out = first_key + i / TILE_VECTORS;
      let c = tile * TILE_VECTORS + i % TILE_VECTORS;
      let cell = i / TILE_VECTORS * SHEET_ROW + i % TILE_VECTORS;
      if (s_out < params.keys && c < vectors()) {
        store_grads(problem, s_out, c, params.scale * sums_out[cell], sums_out[SHEET + cell]);
      }
    }
    workgroupBarrier();   // nobody may overwrite the sheets before all have read them
  }
}
