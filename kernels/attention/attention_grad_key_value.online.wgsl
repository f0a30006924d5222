// Gradient of attention for keys and values: dv = Σ over queries of weight · dy, dk = 1/√Dh · Σ over queries of dlogit
// · q. Dao et al. 2022, arXiv:2205.14135, algorithm 4; weight and dlogit as in attention_grad_query.online.wgsl,
// recomputed here.
// One lane per key, LANES to a workgroup; queries and their dy come in tiles.
// New here: rows in vectors, and tiles that lanes share. Taken from attention_grad.naive.wgsl: a lane owns a key, and
// no two add to one place.
// Linked with problem.wgsl, finite.wgsl, key_value_grads.wgsl, tile.*.wgsl and shared/vector/*.wgsl.
//
// Constants:
// LANES: lanes of a workgroup      TILE: queries that are met at a time      VECTORS: room for the vectors of a row

@group(0) @binding(5) var<storage, read> dy: array<vector>;         // B × H × L rows
@group(0) @binding(6) var<storage, read> log_sum_exp: array<f32>;   // [B, H, L]
@group(0) @binding(7) var<storage, read> delta: array<vec2f>;       // [B, H, queries], from attention_grad_query.*.wgsl

// logSumExp and delta tell of queries that are not finite
fn load_a(i: u32) -> vector32 { return sound_vector(vector32(query[i])); }
fn load_b(i: u32) -> vector32 { return sound_vector(vector32(dy[i])); }

@compute @workgroup_size(LANES)
fn attention_grad_key_value(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, lane: Lane) {
  let key_tiles = (params.keys + LANES - 1u) / LANES;
  let key_tile = group_number(group, groups);
  let problem = key_tile / key_tiles;
  if (problem >= params.problems) { return; }
  let first_key = (key_tile % key_tiles) * LANES;
  let s = min(first_key + lane.index, params.keys - 1u);   // out-of-range lanes repeat the last key and write nothing

  let row = at(problem, params.key_batch, params.key_head) + s * params.key_row;
  var k: array<vector32, VECTORS>;
  var v: array<vector32, VECTORS>;
  var dk: array<vector32, VECTORS>;
  var dv: array<vector32, VECTORS>;
  for (var c = 0u; c < vectors(); c++) {
    k[c] = vector32(key[params.key_offset + row + c]);
    v[c] = vector32(value[params.value_offset + row + c]);
  }

  let met = Met(query_start(problem), output_start(problem), params.query_row, params.output_row, params.queries);
  for (var first = first_to_see(first_key); first < params.queries; first += TILE) {
    stage(met, first, lane);
    var product = array<f32, TILE>();   // set to 0 here, because SwiftShader zeroes a bare `var` only once
    var dweight = array<f32, TILE>();
    for (var c = 0u; c < vectors(); c++) {
      let q = column_a(met, first, c, lane);
      let dy_column = column_b(met, first, c, lane);
      let k_c = k[c];
      let v_c = v[c];
      for (var j = 0u; j < TILE; j++) {
        product[j] += sum_of(k_c * take_a(q, j));
        dweight[j] += sum_of(v_c * take_b(dy_column, j));
      }
    }
    var w: array<f32, TILE>;
    var dlogit: array<f32, TILE>;
    for (var j = 0u; j < TILE; j++) {
      let l = min(first + j, params.queries - 1u);
      let delta_l = delta[problem * params.queries + l];
      let above = (dweight[j] - delta_l.x) - delta_l.y;
      let level = log_sum_exp[log_sum_exp_start(problem) + l];
      let pair = pair_of(vec4f(logit(product[j], problem, first + j, s)), vec4f(level), vec4f(above));
      w[j] = pair.weight.x;
      dlogit[j] = pair.dlogit.x;
    }
    for (var c = 0u; c < vectors(); c++) {
      let q = column_a(met, first, c, lane);
      let dy_column = column_b(met, first, c, lane);
      var dk_c = dk[c];
      var dv_c = dv[c];
      for (var j = 0u; j < TILE; j++) {
        dk_c += dlogit[j] * take_a(q, j);
        dv_c += w[j] * take_b(dy_column, j);
      }
      dk[c] = dk_c;
      dv[c] = dv_c;
    }
  }

  if (first_key + lane.index >= params.keys) { return; }
  for (var c = 0u; c < vectors(); c++) { store_grads(problem, s, c, params.scale * dk[c], dv[c]); }
}
