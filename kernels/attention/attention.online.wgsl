// Scaled dot-product attention, forward: y = softmax(q·kᵀ/√Dh + mask)·v, without storing the L × S weights. Dao et al.
// 2022, arXiv:2205.14135, algorithm 1: a row of the softmax is built up tile by tile of keys, with the running maximum
// m of its logits and the denominator ℓ, the sum of exp(logit − m). A larger logit rescales what was summed.
//   α = exp(m − m′)   ℓ ← α·ℓ + Σ exp(logit − m′)   o ← α·o + Σ exp(logit − m′)·v   m ← m′      at the end   y = o/ℓ
// One lane per query, LANES to a workgroup; keys and values come in tiles.
// New here: one walk over the keys; rows in vectors; tiles that lanes share. Taken from attention.naive.wgsl: a lane
// owns a query. Taken from softmax/softmax.online.wgsl: the running maximum and α.
// Linked with problem.wgsl (rows, `logit`, `weight`), finite.wgsl (`reach`: the bits of NaN), seen_sum.wgsl,
// tile.*.wgsl (`Lane`, `Met`, `stage`, `column_*`, `take_*`) and shared/vector/*.wgsl.
//
// Constants:
// LANES: lanes of a workgroup      TILE: keys that are met at a time      VECTORS: room for the vectors of a row

@group(0) @binding(5) var<storage, read_write> y: array<vector>;            // B × H × L rows
@group(0) @binding(6) var<storage, read_write> log_sum_exp: array<f32>;     // [B, H, L], kept for the gradient

fn load_a(i: u32) -> vector32 { return vector32(key[i]); }
fn load_b(i: u32) -> vector32 { return vector32(value[i]); }

@compute @workgroup_size(LANES)
fn attention(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, lane: Lane) {
  let query_tiles = (params.queries + LANES - 1u) / LANES;
  let query_tile = group_number(group, groups);
  let problem = query_tile / query_tiles;
  if (problem >= params.problems) { return; }
  let first_query = (query_tile % query_tiles) * LANES;
  // out-of-range lanes repeat the last query and write nothing
  let l = min(first_query + lane.index, params.queries - 1u);

  let q_start = query_start(problem) + l * params.query_row;
  var q: array<vector32, VECTORS>;
  var accumulator: array<vector32, VECTORS>;   // Σ exp(logit − running_max) · v over the keys so far
  for (var c = 0u; c < vectors(); c++) { q[c] = vector32(query[q_start + c]); }

  var running_max = HIDDEN;   // of the logits so far
  var denominator = 0.0;      // Σ exp(logit − running_max) over the keys so far
  var reach = 0u;             // of the logits so far: tells of NaN, which the max above may lose
  let met = Met(key_start(problem), value_start(problem), params.key_row, params.key_row, params.keys);
  let end = keys_before(first_query + LANES);
  for (var first = 0u; first < end; first += TILE) {
    stage(met, first, lane);
    var w = array<f32, TILE>();   // logits, then weights; set to 0, because SwiftShader zeroes a bare `var` only once
    for (var c = 0u; c < vectors(); c++) {
      let k = column_a(met, first, c, lane);
      let q_c = q[c];
      for (var j = 0u; j < TILE; j++) { w[j] += sum_of(q_c * take_a(k, j)); }
    }
    var new_max = running_max;
    for (var j = 0u; j < TILE; j++) {
      w[j] = logit(w[j], problem, l, first + j);
      new_max = max(new_max, w[j]);
      reach = max(reach, reach_of(vec4f(w[j])).x);
    }
    let rescale = exp_of(max(running_max - new_max, LOWEST_EXPONENT));
    running_max = new_max;
    denominator *= rescale;
    for (var j = 0u; j < TILE; j++) {
      w[j] = weight(w[j], running_max);
      denominator += w[j];
    }
    for (var c = 0u; c < vectors(); c++) {
      let v = column_b(met, first, c, lane);
      var near = vector32();   // two sums side by side, and both apart from `accumulator`: half of the rounding
      var far = vector32();
      for (var j = 0u; j < TILE / 2u; j++) {
        near += w[j] * take_b(v, j);
        far += w[j + TILE / 2u] * take_b(v, j + TILE / 2u);
      }
      accumulator[c] = rescale * accumulator[c] + (near + far);
    }
  }

  if (first_query + lane.index >= params.queries) { return; }
  let sees = denominator > 0.0;
  let norm = unless_flawed(vec4f(select(0.0, 1.0 / denominator, sees)), vec4u(reach)).x;
  let y_start = output_start(problem) + l * params.output_row;
  var probe = vector32();   // finite only if all sums are
  for (var c = 0u; c < vectors(); c++) {
    y[y_start + c] = vector(norm * accumulator[c]);
    probe += accumulator[c];
  }
  let level = select(DEAD, running_max + log(denominator), sees);
  log_sum_exp[log_sum_exp_start(problem) + l] = unless_flawed(vec4f(level), vec4u(reach)).x;
  let is_flawed = is_not_finite(vec4f(probe));
  for (var c = 0u; is_flawed && c < vectors(); c++) {
    y[y_start + c] = vector(norm * seen_sum(problem, l, running_max, c));
  }
}
