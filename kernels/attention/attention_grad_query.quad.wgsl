// Gradient of attention for the queries: dq = 1/√Dh · Σ over keys of dlogit · k. For software adapters.
// New here: the weights and dweights of the first walk over the keys stay in memory, so that nothing is computed twice:
// three products of every pair in place of five. attention_grad_key_value.quad.wgsl finds weight and dlogit there: two
// in place of four. A dispatch takes a range of the queries, so that what is kept is linear in the sequence.
// Taken from attention_grad_query.online.wgsl: delta from the dweights themselves; from attention.quad.wgsl: the
// register tile. What is kept: the weights of a head's queries, a row of kept_width keys each, and then as many
// dweights, later dlogits.
// One lane per four queries; keys and values come in tiles. Linked with problem.wgsl, finite.wgsl, register_tile.wgsl,
// tile.subgroup.wgsl and shared/vector/*.wgsl.
//
// Constants:
// LANES: lanes of a workgroup      TILE: keys that are met at a time      VECTORS: room for the vectors of a row
// OWN: queries of a lane, 4

@group(0) @binding(5) var<storage, read> dy: array<vector>;                    // B × H × L rows
@group(0) @binding(6) var<storage, read> log_sum_exp: array<f32>;              // [B, H, L]
@group(0) @binding(7) var<storage, read_write> pairs: array<vec4f>;            // [B, H, 2, queries, kept_width]
@group(0) @binding(8) var<storage, read_write> dquery: array<result_vector>;   // lies as `query` does

// logSumExp tells of keys that were seen and are not finite
fn load_a(i: u32) -> vector32 { return sound_vector(vector32(key[i])); }
fn load_b(i: u32) -> vector32 { return vector32(value[i]); }

@compute @workgroup_size(LANES)
fn attention_grad_query(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, lane: Lane) {
  let query_tiles = (params.queries + OWN * LANES - 1u) / (OWN * LANES);
  let query_tile = group_number(group, groups);
  let problem = query_tile / query_tiles;
  if (problem >= params.problems) { return; }
  let first_query = (query_tile % query_tiles) * OWN * LANES;
  let l = first_query + OWN * lane.index + STEPS;
  let held = min(l, vec4u(params.queries - 1u));   // out-of-range queries are the last one again, and are not written
  let q_at = query_start(problem) + held * params.query_row;
  let dy_at = output_start(problem) + held * params.output_row;
  let met = Met(key_start(problem), value_start(problem), params.key_row, params.key_row, params.keys);
  let end = keys_before(first_query + OWN * LANES);
  let w_at = (2u * problem * params.queries + held) * (params.kept_width / 4u);
  let dw_at = w_at + params.queries * (params.kept_width / 4u);

  // by how much delta is above the first dweight: exactly 0 where all are equal
  let at = log_sum_exp_start(problem) + held;
  let levels = vec4f(log_sum_exp[at.x], log_sum_exp[at.y], log_sum_exp[at.z], log_sum_exp[at.w]);
  var base = vec4f();
  var above = vec4f();
  var weight_sum = vec4f();   // of recomputed weights, which is 1 only nearly
  for (var first = 0u; first < end; first += TILE) {
    let quarters = quarters_of(first, params.keys);
    var w = Weights();   // set to 0 here, because SwiftShader zeroes a bare `var` only once
    var dw = Weights();
    for (var c = 0u; c < vectors(); c++) {
      let k = column_a(met, first, c, lane);
      let q = Four(
        vector32(query[q_at.x + c]), vector32(query[q_at.y + c]),
        vector32(query[q_at.z + c]), vector32(query[q_at.w + c]),
      );
      add_products(&w, q, k, quarters);
    }
    for (var c = 0u; c < vectors(); c++) {
      let v = column_b(met, first, c, lane);
      let d = Four(
        vector32(dy[dy_at.x + c]), vector32(dy[dy_at.y + c]), vector32(dy[dy_at.z + c]), vector32(dy[dy_at.w + c]),
      );
      add_products(&dw, d, v, quarters);
    }
    if (first == 0u) { base = sound(dw[0]); }   // maybe of a hidden key
    for (var j = 0u; j < TILE; j++) {
      w[j] = weights(logits(w[j], problem, held, first + j), levels);
      dw[j] = felt(w[j], dw[j]);
      above += w[j] * (dw[j] - base);
      weight_sum += w[j];
    }
    // a loop that compilers do not unroll, here and below: hundreds of stores side by side would take them seconds
    let fours = fours_of(first);
    for (var j = 0u; j < fours; j++) {
      let across = transpose(mat4x4f(w[4u * j], w[4u * j + 1u], w[4u * j + 2u], w[4u * j + 3u]));
      let d_across = transpose(mat4x4f(dw[4u * j], dw[4u * j + 1u], dw[4u * j + 2u], dw[4u * j + 3u]));
      for (var i = 0u; i < OWN; i++) {
        if (l[i] < params.queries) {
          pairs[w_at[i] + first / 4u + j] = across[i];
          pairs[dw_at[i] + first / 4u + j] = d_across[i];
        }
      }
    }
  }
  let sees = weight_sum > vec4f();
  let delta_exact = base + select(vec4f(), above / weight_sum, sees);
  let delta = unless_flawed(delta_exact, reach_of(delta_exact));

  // Σ dlogit is 0 but for the rounding of delta: what is left is taken off too
  let last = (end + 3u) / 4u;
  var rest = vec4f();
  for (var i = 0u; i < OWN; i++) {
    var left = vec4f();
    for (var s = 0u; s < last; s++) { left += pairs[w_at[i] + s] * (pairs[dw_at[i] + s] - delta[i]); }
    rest[i] = select(0.0, ((left.x + left.y) + (left.z + left.w)) / weight_sum[i], sees[i]);
  }

  var dq: array<Four, VECTORS>;
  for (var first = 0u; first < end; first += TILE) {
    let quarters = quarters_of(first, params.keys);
    var dlogit = Weights();
    let fours = fours_of(first);
    for (var j = 0u; j < fours; j++) {
      let s = first / 4u + j;
      var across: mat4x4f;
      for (var i = 0u; i < OWN; i++) {
        across[i] = pairs[w_at[i] + s] * felt(pairs[w_at[i] + s], (pairs[dw_at[i] + s] - delta[i]) - rest[i]);
        if (l[i] < params.queries) { pairs[dw_at[i] + s] = across[i]; }
      }
      let four = transpose(across);
      for (var i = 0u; i < OWN; i++) { dlogit[4u * j + i] = four[i]; }
    }
    for (var c = 0u; c < vectors(); c++) {
      let k = column_a(met, first, c, lane);
      dq[c] = sum_of_fours(dq[c], weighted(&dlogit, k, quarters));
    }
  }

  for (var i = 0u; i < OWN; i++) {
    if (l[i] >= params.queries) { return; }
    for (var c = 0u; c < vectors(); c++) { dquery[q_at[i] + c] = result_vector(params.scale * dq[c][i]); }
  }
}

// Vectors of four keys that a tile has, from `first` on.
fn fours_of(first: u32) -> u32 { return (min(TILE, params.keys - first) + 3u) / 4u; }
