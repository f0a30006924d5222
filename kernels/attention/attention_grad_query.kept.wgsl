// Gradient of attention for the queries where keys are few: as attention_grad_query.wgsl, but the weights and dweights of the first walk
// over the keys are kept in memory, so that nothing is computed twice: three products of every pair in place of five, and for
// attention_grad_key_value.kept.wgsl, which finds weight and dlogit there, two in place of four.
// One lane per query; keys and values come in blocks. Linked with problem.wgsl, block.subgroup.wgsl and a `pack`.

@group(0) @binding(5) var<storage, read> dy: array<pack>;             // B × H × L rows
@group(0) @binding(6) var<storage, read> log_sum_exp: array<f32>;     // [B, H, L]
@group(0) @binding(7) var<storage, read_write> pairs: array<vec4f>;   // [B, H, 2, L, kept_width()]: weights, and dweights that become dlogits
@group(0) @binding(8) var<storage, read_write> dquery: array<result_pack>;   // lies as `query` does

fn load_a(i: u32) -> pack32 { return pack32(key[i]); }
fn load_b(i: u32) -> pack32 { return pack32(value[i]); }

@compute @workgroup_size(LANES)
fn attention_grad_query(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, lane: Lane) {
  let pieces = (params.queries + LANES - 1u) / LANES;
  let piece = group.y * groups.x + group.x;
  let problem = piece / pieces;
  if (problem >= params.problems) { return; }
  let first_query = (piece % pieces) * LANES;
  let exists = first_query + lane.index < params.queries;   // surplus lanes repeat the last query and write nothing
  let l = min(first_query + lane.index, params.queries - 1u);

  let q_start = query_start(problem) + l * params.query_row;
  let dy_start = output_start(problem) + l * params.output_row;
  var q: array<pack32, PACKS>;
  var dy_l: array<pack32, PACKS>;
  var dq: array<pack32, PACKS>;
  for (var c = 0u; c < packs(); c++) {
    q[c] = pack32(query[q_start + c]);
    dy_l[c] = pack32(dy[dy_start + c]);
  }
  let blocks = Blocks(key_start(problem), value_start(problem), params.key_row, params.key_row, params.keys);
  let end = select(params.keys, min(params.keys, first_query + LANES), params.causal == 1u);   // no query here sees a later key
  let weights_at = (2u * problem * params.queries + l) * kept_width() / 4u;
  let dweights_at = weights_at + params.queries * kept_width() / 4u;

  // by how much delta is above the first dweight: exactly 0 where all are equal; `total`, of recomputed weights, is 1 only nearly
  let level = log_sum_exp[problem * params.queries + l];
  var base = 0.0;
  var above = 0.0;
  var total = 0.0;
  for (var first = 0u; first < end; first += BLOCK) {
    var w = array<f32, BLOCK>();   // set to 0 here, because SwiftShader zeroes a bare `var` only once
    var dw = array<f32, BLOCK>();
    for (var c = 0u; c < packs(); c++) {
      let k = column_a(blocks, first, c, lane);
      let v = column_b(blocks, first, c, lane);
      let q_c = q[c];
      let dy_c = dy_l[c];
      for (var j = 0u; j < BLOCK; j++) {
        w[j] += sum_of(q_c * take_a(k, j));
        dw[j] += sum_of(dy_c * take_b(v, j));
      }
    }
    if (first == 0u) { base = dw[0]; }
    for (var j = 0u; j < BLOCK; j++) {
      w[j] = weight(logit(w[j], problem, l, first + j), level);
      above += w[j] * (dw[j] - base);
      total += w[j];
    }
    if (exists) {
      for (var j = 0u; j < BLOCK; j += 4u) {
        pairs[weights_at + (first + j) / 4u] = vec4f(w[j], w[j + 1u], w[j + 2u], w[j + 3u]);
        pairs[dweights_at + (first + j) / 4u] = vec4f(dw[j], dw[j + 1u], dw[j + 2u], dw[j + 3u]);
      }
    }
  }
  let sees = total > 0.0;
  let delta = base + select(0.0, above / total, sees);

  // Σ dlogit is 0 but for the rounding of delta: what is left is taken off too
  let last = (end + BLOCK - 1u) / BLOCK * BLOCK / 4u;
  var left = vec4f();
  for (var i = 0u; i < last; i++) { left += pairs[weights_at + i] * (pairs[dweights_at + i] - delta); }
  let rest = select(0.0, ((left.x + left.y) + (left.z + left.w)) / total, sees);

  for (var first = 0u; first < end; first += BLOCK) {
    var dlogit: array<f32, BLOCK>;
    for (var j = 0u; j < BLOCK; j += 4u) {
      let i = (first + j) / 4u;
      let four = pairs[weights_at + i] * ((pairs[dweights_at + i] - delta) - rest);
      if (exists) { pairs[dweights_at + i] = four; }
      dlogit[j] = four.x;
      dlogit[j + 1u] = four.y;
      dlogit[j + 2u] = four.z;
      dlogit[j + 3u] = four.w;
    }
    for (var c = 0u; c < packs(); c++) {
      let k = column_a(blocks, first, c, lane);
      var dq_c = dq[c];
      for (var j = 0u; j < BLOCK; j++) { dq_c += dlogit[j] * take_a(k, j); }
      dq[c] = dq_c;
    }
  }

  if (!exists) { return; }
  for (var c = 0u; c < packs(); c++) { dquery[q_start + c] = result_pack(params.scale * dq[c]); }
}
