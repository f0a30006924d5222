// Scaled dot-product attention, forward: y = softmax(q·kᵀ/√Dh + mask)·v. For software adapters, where loads are what
// costs.
// New here: a register tile. A lane owns four queries, side by side in a vec4, so that a key that is loaded, and a
// value, serves four products in each lane that asks for it. Taken from attention.online.wgsl: everything else, for
// each of the four.
// One lane per four queries; keys and values come in tiles of 32, in four quarters. Linked with problem.wgsl,
// finite.wgsl, seen_sum.wgsl, register_tile.wgsl, tile.subgroup.wgsl and shared/vector/*.wgsl.
//
// Constants:
// LANES: lanes of a workgroup      TILE: keys that are met at a time      VECTORS: room for the vectors of a row
// OWN: queries of a lane, 4

@group(0) @binding(5) var<storage, read_write> y: array<vector>;            // B × H × L rows
@group(0) @binding(6) var<storage, read_write> log_sum_exp: array<f32>;     // [B, H, L], kept for the gradient

fn load_a(i: u32) -> vector32 { return vector32(key[i]); }
fn load_b(i: u32) -> vector32 { return vector32(value[i]); }

@compute @workgroup_size(LANES)
fn attention(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, lane: Lane) {
  let query_tiles = (params.queries + OWN * LANES - 1u) / (OWN * LANES);
  let query_tile = group_number(group, groups);
  let problem = query_tile / query_tiles;
  if (problem >= params.problems) { return; }
  let first_query = (query_tile % query_tiles) * OWN * LANES;
  let own = first_query + OWN * lane.index;
  let last = params.queries - 1u;            // out-of-range queries are this one again, and are not written
  let held = min(own + STEPS, vec4u(last));
  let seen = seen_by(held);
  let q_start = query_start(problem);
  let mask_at = mask_start(problem);

  var accumulator: array<Four, VECTORS>;   // Σ exp(logit − running_max) · v over the keys so far
  var running_max = vec4f(HIDDEN);         // of the logits so far
  var denominator = vec4f();               // Σ exp(logit − running_max) over the keys so far
  var reach = vec4u();                     // of the logits so far: tells of NaN, which the max above may lose
  let met = Met(key_start(problem), value_start(problem), params.key_row, params.key_row, params.keys);
  let end = keys_before(first_query + OWN * LANES);
  for (var first = 0u; first < end; first += TILE) {
    let quarters = quarters_of(first, params.keys);
    var w = Weights();   // logits, then weights; set to 0 here, because SwiftShader zeroes a bare `var` only once
    for (var c = 0u; c < vectors(); c++) {
      let k = column_a(met, first, c, lane);
      let q = four_of_query(q_start + c, own, last);
      add_products(&w, q, k, quarters);
    }
    var new_max = running_max;
    for (var j = 0u; j < TILE; j++) {
      w[j] = logits(w[j], mask_at, held, seen, first + j);
      new_max = max(new_max, w[j]);
      reach = max(reach, reach_of(w[j]));
    }
    let rescale = exp_of_four(max(running_max - new_max, vec4f(LOWEST_EXPONENT)));
    running_max = new_max;
    denominator *= rescale;
    var sums = array<vec4f, 4>();   // four sums side by side: a fraction of the rounding
    for (var j = 0u; j < TILE; j++) {
      w[j] = weights(w[j], running_max);
      sums[j % 4u] += w[j];
    }
    denominator += (sums[0] + sums[1]) + (sums[2] + sums[3]);
    for (var c = 0u; c < vectors(); c++) {
      let v = column_b(met, first, c, lane);
      accumulator[c] = plus_rescaled(weighted(&w, v, quarters), rescale, accumulator[c]);
    }
  }

  let sees = denominator > vec4f();
  let norm = unless_flawed(select(vec4f(), 1.0 / denominator, sees), reach);
  let levels = unless_flawed(select(vec4f(DEAD), running_max + log(denominator), sees), reach);
  var probe = vec4f();   // finite only if all sums are
  let count = min(OWN, params.queries - min(own, params.queries));
  for (var i = 0u; i < count; i++) {
    let y_start = output_start(problem) + (own + i) * params.output_row;
    for (var c = 0u; c < vectors(); c++) {
      y[y_start + c] = vector(norm[i] * accumulator[c][i]);
      probe += vec4f(accumulator[c][i]);
    }
    log_sum_exp[log_sum_exp_start(problem) + own + i] = levels[i];
  }
  if (!is_not_finite(probe)) { return; }
  for (var i = 0u; i < count; i++) {
    let y_start = output_start(problem) + (own + i) * params.output_row;
    for (var c = 0u; c < vectors(); c++) {
      y[y_start + c] = vector(norm[i] * seen_sum(problem, own + i, running_max[i], c));
    }
  }
}

// added + rescale · sum for each of four sums.
fn plus_rescaled(added: Four, rescale: vec4f, sum: Four) -> Four {
  return Four(
    added[0] + rescale.x * sum[0], added[1] + rescale.y * sum[1],
    added[2] + rescale.z * sum[2], added[3] + rescale.w * sum[3],
  );
}
