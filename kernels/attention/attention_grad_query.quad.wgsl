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

// The same of dy as `four_of_query`.
fn four_of_dy(start: u32, first: u32, last: u32) -> Four {
  var four: Four;
  for (var i = 0u; i < rolled(OWN); i++) {
    four = Four(four[1], four[2], four[3], vector32(dy[start + min(first + i, last) * params.output_row]));
  }
  return four;
}

@compute @workgroup_size(LANES)
fn attention_grad_query(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, lane: Lane) {
  let query_tiles = (params.queries + OWN * LANES - 1u) / (OWN * LANES);
  let query_tile = group_number(group, groups);
  let problem = query_tile / query_tiles;
  if (problem >= params.problems) { return; }
  let first_query = (query_tile % query_tiles) * OWN * LANES;
  let own = first_query + OWN * lane.index;
  let count = min(OWN, params.queries - min(own, params.queries));
  let last = params.queries - 1u;            // out-of-range queries are this one again, and are not written
  let held = min(own + STEPS, vec4u(last));
  let seen = seen_by(held);
  let q_start = query_start(problem);
  let mask_at = mask_start(problem);
  let dy_start = output_start(problem);
  let met = Met(key_start(problem), value_start(problem), params.key_row, params.key_row, params.keys);
  let end = keys_before(first_query + OWN * LANES);
  let width = params.kept_width / 4u;
  let w_start = 2u * problem * params.queries * width;
  let dw_start = w_start + params.queries * width;

  // by how much delta is above the first dweight: exactly 0 where all are equal
  var levels: vec4f;
  for (var i = 0u; i < rolled(OWN); i++) {
    levels = vec4f(levels.yzw, log_sum_exp[log_sum_exp_start(problem) + min(own + i, last)]);
  }
  var base = vec4f();
  var above = vec4f();
  var weight_sum = vec4f();   // of recomputed weights, which is 1 only nearly
  for (var first = 0u; first < end; first += TILE) {
    let quarters = quarters_of(first, params.keys);
    var w = Weights();   // set to 0 here, because SwiftShader zeroes a bare `var` only once
    var dw = Weights();
    for (var c = 0u; c < vectors(); c++) {
      let k = column_a(met, first, c, lane);
      let q = four_of_query(q_start + c, own, last);
      add_products(&w, q, k, quarters);
    }
    for (var c = 0u; c < vectors(); c++) {
      let v = column_b(met, first, c, lane);
      let d = four_of_dy(dy_start + c, own, last);
      add_products(&dw, d, v, quarters);
    }
    if (first == 0u) { base = sound(dw[0]); }   // maybe of a hidden key
    for (var s = first; s < min(first + TILE, params.keys); s += 4u) {
      for (var j = 0u; j < 4u; j++) {
        w[j] = weights(logits(w[j], mask_at, held, seen, s + j), levels);
        dw[j] = felt(w[j], dw[j]);
        above += w[j] * (dw[j] - base);
        weight_sum += w[j];
      }
      var across = transpose(mat4x4f(w[0], w[1], w[2], w[3]));
      var d_across = transpose(mat4x4f(dw[0], dw[1], dw[2], dw[3]));
      for (var i = 0u; i < count; i++) {
        let at = (own + i) * width + s / 4u;
        pairs[w_start + at] = across[0];
        pairs[dw_start + at] = d_across[0];
        across = mat4x4f(across[1], across[2], across[3], across[0]);
        d_across = mat4x4f(d_across[1], d_across[2], d_across[3], d_across[0]);
      }
      w = moved_on(w, mat4x4f());
      dw = moved_on(dw, mat4x4f());
    }
  }
  let sees = weight_sum > vec4f();
  let delta_exact = base + select(vec4f(), above / weight_sum, sees);
  let delta = unless_flawed(delta_exact, reach_of(delta_exact));

  // Σ dlogit is 0 but for the rounding of delta: what is left is taken off too
  var sums = vec4f();
  for (var i = 0u; i < rolled(OWN); i++) {
    let at = min(own + i, last) * width;
    var left = vec4f();
    for (var s = 0u; s < (end + 3u) / 4u; s++) {
      left += pairs[w_start + at + s] * (pairs[dw_start + at + s] - delta[i]);
    }
    sums = vec4f(sums.yzw, (left.x + left.y) + (left.z + left.w));
  }
  let rest = select(vec4f(), sums / weight_sum, sees);

  var dq: array<Four, VECTORS>;
  for (var first = 0u; first < end; first += TILE) {
    let quarters = quarters_of(first, params.keys);
    var dlogit = Weights();
    for (var s = first / 4u; s < first / 4u + rolled(TILE / 4u); s++) {
      var across = mat4x4f();
      let rows = select(0u, OWN, s < (params.keys + 3u) / 4u);
      for (var i = 0u; i < rows; i++) {
        let at = min(own + i, last) * width + s;
        let w = pairs[w_start + at];
        across = mat4x4f(across[1], across[2], across[3], w * felt(w, (pairs[dw_start + at] - delta[i]) - rest[i]));
        if (i < count) { pairs[dw_start + at] = across[3]; }
      }
      dlogit = moved_on(dlogit, transpose(across));
    }
    for (var c = 0u; c < vectors(); c++) {
      let k = column_a(met, first, c, lane);
      dq[c] = sum_of_fours(dq[c], weighted(&dlogit, k, quarters));
    }
  }

  for (var i = 0u; i < count; i++) {
    let at = q_start + (own + i) * params.query_row;
    for (var c = 0u; c < vectors(); c++) { dquery[at + c] = result_vector(params.scale * dq[c][i]); }
  }
}
