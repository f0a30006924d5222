// Scaled dot-product attention, forward, as attention.wgsl, with four queries a lane: for processors that play the GPU, where loads
// are what costs. A key that a lane loads, and a value, then serves four products in each lane that asks for it.
// Linked with problem.wgsl, finite.wgsl, seen_sum.wgsl, four.wgsl, block.subgroup.wgsl and a `vector`.

@group(0) @binding(5) var<storage, read_write> y: array<vector>;               // B × H × L rows
@group(0) @binding(6) var<storage, read_write> log_sum_exp: array<f32>;      // [B, H, L], kept for the gradient

fn load_a(i: u32) -> vector32 { return vector32(key[i]); }
fn load_b(i: u32) -> vector32 { return vector32(value[i]); }

@compute @workgroup_size(LANES)
fn attention(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, lane: Lane) {
  let pieces = (params.queries + OWN * LANES - 1u) / (OWN * LANES);
  let piece = group_number(group, groups);
  let problem = piece / pieces;
  if (problem >= params.problems) { return; }
  let first_query = (piece % pieces) * OWN * LANES;
  let l = first_query + OWN * lane.index + STEPS;
  let held = min(l, vec4u(params.queries - 1u));   // surplus queries are the last one again, and are not written
  let q_at = query_start(problem) + held * params.query_row;

  var sum: array<Four, VECTORS>;     // Σ exp(logit − top) · v over the keys so far
  var top = vec4f(HIDDEN);         // the largest logit so far
  var total = vec4f();             // Σ exp(logit − top) over the keys so far
  var reach = vec4u();             // of the logits so far, which max lets go of if they are NaN
  let blocks = Blocks(key_start(problem), value_start(problem), params.key_row, params.key_row, params.keys);
  let end = keys_before(first_query + OWN * LANES);
  for (var first = 0u; first < end; first += BLOCK) {
    let parts = parts_of(first, params.keys);
    var w = Weights();   // logits, then weights; set to 0 here, because SwiftShader zeroes a bare `var` only once
    for (var c = 0u; c < vectors(); c++) {
      let k = column_a(blocks, first, c, lane);
      let q = Four(vector32(query[q_at.x + c]), vector32(query[q_at.y + c]), vector32(query[q_at.z + c]), vector32(query[q_at.w + c]));
      add_products(&w, q, k, parts);
    }
    var new_top = top;
    for (var j = 0u; j < BLOCK; j++) {
      w[j] = logits(w[j], problem, held, first + j);
      new_top = max(new_top, w[j]);
      reach = max(reach, reach_of(w[j]));
    }
    let shrink = exp_of_four(max(top - new_top, vec4f(LOWEST_EXPONENT)));
    top = new_top;
    total *= shrink;
    var totals = array<vec4f, 4>();   // four sums side by side: a fraction of the rounding
    for (var j = 0u; j < BLOCK; j++) {
      w[j] = weights(w[j], top);
      totals[j % 4u] += w[j];
    }
    total += (totals[0] + totals[1]) + (totals[2] + totals[3]);
    for (var c = 0u; c < vectors(); c++) {
      let v = column_b(blocks, first, c, lane);
      sum[c] = plus_weighted_by(weighted(&w, v, parts), shrink, sum[c]);
    }
  }

  let norm = unless_flawed(select(vec4f(), 1.0 / total, total > vec4f()), reach);
  let levels = unless_flawed(select(vec4f(DEAD), top + log(total), total > vec4f()), reach);
  var probe = vec4f();   // finite only if all sums are
  for (var i = 0u; i < OWN; i++) {
    if (l[i] < params.queries) {
      let y_start = output_start(problem) + l[i] * params.output_row;
      for (var c = 0u; c < vectors(); c++) {
        y[y_start + c] = vector(norm[i] * sum[c][i]);
        probe += vec4f(sum[c][i]);
      }
      log_sum_exp[level_start(problem) + l[i]] = levels[i];
    }
  }
  // one loop over all vectors of all four, because compilers would unroll one over the four
  let count = select(0u, min(OWN, params.queries - min(l.x, params.queries)) * vectors(), is_not_finite(probe));
  for (var n = 0u; n < count; n++) {
    let i = n / vectors();
    let c = n % vectors();
    y[output_start(problem) + l[i] * params.output_row + c] = vector(norm[i] * seen_sum(problem, l[i], top[i], c));
  }
}

// added + shrink · sum for each of four sums.
fn plus_weighted_by(added: Four, shrink: vec4f, sum: Four) -> Four {
  return Four(added[0] + shrink.x * sum[0], added[1] + shrink.y * sum[1], added[2] + shrink.z * sum[2], added[3] + shrink.w * sum[3]);
}
