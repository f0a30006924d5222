// Gradient of attention for the queries: dq = 1/√Dh · Σ over keys of dlogit · k. Dao et al. 2022, arXiv:2205.14135, algorithm 4,
// turned so that each lane owns a query: no two lanes add to one place, so there are no atomics and the order is fixed.
//   weight = exp(logit − logSumExp),  dweight = dy·v,  dlogit = weight · (dweight − delta),  delta = dy·y
// One lane per query; keys and values come in blocks. Linked with problem.wgsl, a block.*.wgsl and a `pack`.

@group(0) @binding(5) var<storage, read> dy: array<pack>;             // B × H × L rows
@group(0) @binding(6) var<storage, read> log_sum_exp: array<f32>;     // [B, H, L]
@group(0) @binding(7) var<storage, read> delta: array<f32>;           // [B, H, L]
@group(0) @binding(8) var<storage, read_write> dquery: array<pack>;   // lies as `query` does

fn load_a(i: u32) -> pack32 { return pack32(key[i]); }
fn load_b(i: u32) -> pack32 { return pack32(value[i]); }

@compute @workgroup_size(LANES)
fn attention_grad_query(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, lane: Lane) {
  let pieces = (params.queries + LANES - 1u) / LANES;
  let piece = group.y * groups.x + group.x;
  let problem = piece / pieces;
  if (problem >= params.problems) { return; }
  let first_query = (piece % pieces) * LANES;
  let l = min(first_query + lane.index, params.queries - 1u);   // surplus lanes repeat the last query and write nothing

  let q_start = query_start(problem) + l * params.query_row;
  let dy_start = output_start(problem) + l * params.output_row;
  var q: array<pack32, PACKS>;
  var dy_l: array<pack32, PACKS>;
  var dq: array<pack32, PACKS>;
  for (var c = 0u; c < packs(); c++) {
    q[c] = pack32(query[q_start + c]);
    dy_l[c] = pack32(dy[dy_start + c]);
  }
  let level = log_sum_exp[problem * params.queries + l];
  let delta_l = delta[problem * params.queries + l];

  let blocks = Blocks(key_start(problem), value_start(problem), params.key_row, params.key_row, params.keys);
  let end = select(params.keys, min(params.keys, first_query + LANES), params.causal == 1u);   // no query here sees a later key
  for (var first = 0u; first < end; first += BLOCK) {
    stage(blocks, first, lane);
    var product = array<f32, BLOCK>();   // set to 0 here, because SwiftShader zeroes a bare `var` only once
    var dweight = array<f32, BLOCK>();
    for (var c = 0u; c < packs(); c++) {
      let k = column_a(blocks, first, c, lane);
      let v = column_b(blocks, first, c, lane);
      let q_c = q[c];
      let dy_c = dy_l[c];
      for (var j = 0u; j < BLOCK; j++) {
        product[j] += sum_of(q_c * take_a(k, j));
        dweight[j] += sum_of(dy_c * take_b(v, j));
      }
    }
    var dlogit: array<f32, BLOCK>;
    for (var j = 0u; j < BLOCK; j++) {
      dlogit[j] = weight(logit(product[j], problem, l, first + j), level) * (dweight[j] - delta_l);
    }
    for (var c = 0u; c < packs(); c++) {
      let k = column_a(blocks, first, c, lane);
      var dq_c = dq[c];
      for (var j = 0u; j < BLOCK; j++) { dq_c += dlogit[j] * take_a(k, j); }
      dq[c] = dq_c;
    }
  }

  if (first_query + lane.index >= params.queries) { return; }
  for (var c = 0u; c < packs(); c++) { dquery[q_start + c] = pack(params.scale * dq[c]); }
}
