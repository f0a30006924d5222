// Scaled dot-product attention, forward: y = softmax(q·kᵀ/√Dh + mask)·v, without storing the L × S weights.
// Dao et al. 2022, arXiv:2205.14135, algorithm 1: a row of the softmax is built up block by block of keys, with the largest
// logit so far and the sum of exponentials below it; a larger logit shrinks what was summed before.
// One lane per query; keys and values come in blocks. Linked with problem.wgsl, finite.wgsl, seen_sum.wgsl, a block.*.wgsl and a `vector`.

@group(0) @binding(5) var<storage, read_write> y: array<vector>;               // B × H × L rows
@group(0) @binding(6) var<storage, read_write> log_sum_exp: array<f32>;      // [B, H, L], kept for the gradient

fn load_a(i: u32) -> vector32 { return vector32(key[i]); }
fn load_b(i: u32) -> vector32 { return vector32(value[i]); }

@compute @workgroup_size(LANES)
fn attention(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, lane: Lane) {
  let pieces = (params.queries + LANES - 1u) / LANES;
  let piece = group_number(group, groups);
  let problem = piece / pieces;
  if (problem >= params.problems) { return; }
  let first_query = (piece % pieces) * LANES;
  let l = min(first_query + lane.index, params.queries - 1u);   // surplus lanes repeat the last query and write nothing

  let q_start = query_start(problem) + l * params.query_row;
  var q: array<vector32, VECTORS>;
  var sum: array<vector32, VECTORS>;   // Σ exp(logit − top) · v over the keys so far
  for (var c = 0u; c < vectors(); c++) { q[c] = vector32(query[q_start + c]); }

  var top = HIDDEN;   // the largest logit so far
  var total = 0.0;    // Σ exp(logit − top) over the keys so far
  var reach = 0u;     // of the logits so far, which max lets go of if they are NaN
  let blocks = Blocks(key_start(problem), value_start(problem), params.key_row, params.key_row, params.keys);
  let end = keys_before(first_query + LANES);
  for (var first = 0u; first < end; first += BLOCK) {
    stage(blocks, first, lane);
    var w = array<f32, BLOCK>();   // logits, then weights; set to 0 here, because SwiftShader zeroes a bare `var` only once
    for (var c = 0u; c < vectors(); c++) {
      let k = column_a(blocks, first, c, lane);
      let q_c = q[c];
      for (var j = 0u; j < BLOCK; j++) { w[j] += sum_of(q_c * take_a(k, j)); }
    }
    var new_top = top;
    for (var j = 0u; j < BLOCK; j++) {
      w[j] = logit(w[j], problem, l, first + j);
      new_top = max(new_top, w[j]);
      reach = max(reach, reach_of(vec4f(w[j])).x);
    }
    let shrink = exp_of(max(top - new_top, LOWEST_EXPONENT));
    top = new_top;
    total *= shrink;
    for (var j = 0u; j < BLOCK; j++) {
      w[j] = weight(w[j], top);
      total += w[j];
    }
    for (var c = 0u; c < vectors(); c++) {
      let v = column_b(blocks, first, c, lane);
      var near = vector32();   // two sums side by side, and both apart from `sum`: half of the rounding
      var far = vector32();
      for (var j = 0u; j < BLOCK / 2u; j++) {
        near += w[j] * take_b(v, j);
        far += w[j + BLOCK / 2u] * take_b(v, j + BLOCK / 2u);
      }
      sum[c] = shrink * sum[c] + (near + far);
    }
  }

  if (first_query + lane.index >= params.queries) { return; }
  let sees = total > 0.0;
  let norm = unless_flawed(vec4f(select(0.0, 1.0 / total, sees)), vec4u(reach)).x;
  let y_start = output_start(problem) + l * params.output_row;
  var probe = vector32();   // finite only if all sums are
  for (var c = 0u; c < vectors(); c++) {
    y[y_start + c] = vector(norm * sum[c]);
    probe += sum[c];
  }
  log_sum_exp[level_start(problem) + l] = unless_flawed(vec4f(select(DEAD, top + log(total), sees)), vec4u(reach)).x;
  let is_flawed = is_not_finite(vec4f(probe));
  for (var c = 0u; is_flawed && c < vectors(); c++) { y[y_start + c] = vector(norm * seen_sum(problem, l, top, c)); }
}
