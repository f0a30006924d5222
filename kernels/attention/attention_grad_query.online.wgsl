// Gradient of attention for the queries: dq = 1/√Dh · Σ over keys of dlogit · k. Dao et al. 2022, arXiv:2205.14135,
// algorithm 4, turned so that each lane owns a query: no two lanes add to one place, so there are no atomics and the
// order is fixed.
//   weight = exp(logit − logSumExp)             dweight = dy·v
//   delta = Σ over keys of weight · dweight     dlogit = weight · (dweight − delta)
// The dlogits of a query add up to 0. Some gradients are multiples of that sum, and so must vanish: that of a bias of
// the keys, or dq where all keys are equal. The paper's delta, dy·y, has the rounding of y in it. So delta is summed
// from the dweights themselves, in a first walk over the keys, and kept in two numbers, of which the second corrects
// the first.
// One lane per query, LANES to a workgroup; keys and values come in tiles.
// New here: rows in vectors, tiles that lanes share, and a delta in two numbers. Taken from attention_grad.naive.wgsl:
// a lane owns a query, and walks over the keys twice.
// Linked with problem.wgsl, finite.wgsl, tile.*.wgsl and shared/vector/*.wgsl.
//
// Constants:
// LANES: lanes of a workgroup      TILE: keys that are met at a time      VECTORS: room for the vectors of a row

@group(0) @binding(5) var<storage, read> dy: array<vector>;                    // B × H × L rows
@group(0) @binding(6) var<storage, read> log_sum_exp: array<f32>;              // [B, H, L]
@group(0) @binding(7) var<storage, read_write> delta: array<vec2f>;            // [B, H, L], for the kernel of the keys
@group(0) @binding(8) var<storage, read_write> dquery: array<result_vector>;   // lies as `query` does

// logSumExp tells of keys that were seen and are not finite
fn load_a(i: u32) -> vector32 { return sound_vector(vector32(key[i])); }
fn load_b(i: u32) -> vector32 { return vector32(value[i]); }

alias Row = array<vector32, VECTORS>;

// One query with every key of a tile.
struct Pairs { weight: array<f32, TILE>, dweight: array<f32, TILE> }

fn pairs_of(
  problem: u32, l: u32, q: ptr<function, Row>, dy_l: ptr<function, Row>, met: Met, first: u32, lane: Lane,
) -> Pairs {
  stage(met, first, lane);
  var pairs = Pairs();   // set to 0 here, because SwiftShader zeroes a bare `var` only once
  for (var c = 0u; c < vectors(); c++) {
    let k = column_a(met, first, c, lane);
    let v = column_b(met, first, c, lane);
    let q_c = q[c];
    let dy_c = dy_l[c];
    for (var j = 0u; j < TILE; j++) {
      pairs.weight[j] += sum_of(q_c * take_a(k, j));
      pairs.dweight[j] += sum_of(dy_c * take_b(v, j));
    }
  }
  let level = log_sum_exp[log_sum_exp_start(problem) + l];
  for (var j = 0u; j < TILE; j++) { pairs.weight[j] = weight(logit(pairs.weight[j], problem, l, first + j), level); }
  return pairs;
}

@compute @workgroup_size(LANES)
fn attention_grad_query(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, lane: Lane) {
  let query_tiles = (params.queries + LANES - 1u) / LANES;
  let query_tile = group_number(group, groups);
  let problem = query_tile / query_tiles;
  if (problem >= params.problems) { return; }
  let first_query = (query_tile % query_tiles) * LANES;
  // out-of-range lanes repeat the last query and write nothing
  let l = min(first_query + lane.index, params.queries - 1u);

  let q_start = query_start(problem) + l * params.query_row;
  let dy_start = output_start(problem) + l * params.output_row;
  var q: Row;
  var dy_l: Row;
  var dq: Row;
  for (var c = 0u; c < vectors(); c++) {
    q[c] = vector32(query[q_start + c]);
    dy_l[c] = vector32(dy[dy_start + c]);
  }
  let met = Met(key_start(problem), value_start(problem), params.key_row, params.key_row, params.keys);
  let end = keys_before(first_query + LANES);

  // by how much delta is above the first dweight: exactly 0 where all are equal
  var base = 0.0;
  var above = 0.0;
  var weight_sum = 0.0;   // of recomputed weights, which is 1 only nearly
  for (var first = 0u; first < end; first += TILE) {
    let pairs = pairs_of(problem, l, &q, &dy_l, met, first, lane);
    if (first == 0u) { base = sound(vec4f(pairs.dweight[0])).x; }   // maybe of a hidden key
    for (var j = 0u; j < TILE; j++) {
      above += pairs.weight[j] * felt(vec4f(pairs.weight[j]), vec4f(pairs.dweight[j] - base)).x;
      weight_sum += pairs.weight[j];
    }
  }
  let sees = weight_sum > 0.0;
  let delta_exact = base + select(0.0, above / weight_sum, sees);
  let delta_l = unless_flawed(vec4f(delta_exact), reach_of(vec4f(delta_exact))).x;

  var rest = 0.0;   // Σ dlogit: 0 but for the rounding of delta_l
  for (var first = 0u; first < end; first += TILE) {
    let pairs = pairs_of(problem, l, &q, &dy_l, met, first, lane);
    var dlogit: array<f32, TILE>;
    for (var j = 0u; j < TILE; j++) {
      dlogit[j] = pairs.weight[j] * felt(vec4f(pairs.weight[j]), vec4f(pairs.dweight[j] - delta_l)).x;
      rest += dlogit[j];
    }
    for (var c = 0u; c < vectors(); c++) {
      let k = column_a(met, first, c, lane);
      var dq_c = dq[c];
      for (var j = 0u; j < TILE; j++) { dq_c += dlogit[j] * take_a(k, j); }
      dq[c] = dq_c;
    }
  }

  if (first_query + lane.index >= params.queries) { return; }
  delta[problem * params.queries + l] = vec2f(delta_l, select(0.0, rest / weight_sum, sees));
  for (var c = 0u; c < vectors(); c++) { dquery[q_start + c] = result_vector(params.scale * dq[c]); }
}
