// Gradient of attention for keys and values, dk and dv, for hardware adapters and heads wider than 32.
// One lane that holds k, v, dk and dv has 4·Dh numbers in registers, 256 at Dh = 64, and a lane of an NVIDIA GPU has
// 255 registers for all it does; the rest goes to memory.
// New here: a key is spread over SHARES lanes. Each holds a share of the vectors of k, v, dk and dv and multiplies
// those, and the lanes of a key add up each other's sums. Lanes with the same share stand side by side, so that those
// of a subgroup read one vector of the staged rows: a broadcast. Taken from attention_grad_key_value.online.wgsl:
// everything else.
// Linked with problem.wgsl, finite.wgsl, key_value_grads.wgsl, tile.workgroup.wgsl and
// shared/vector/*.wgsl.
//
// Constants:
// LANES: lanes of a workgroup      TILE: queries that are met at a time      VECTORS: room for the vectors of a row
// SHARES: lanes of a key; a power of two

@group(0) @binding(5) var<storage, read> dy: array<vector>;         // B × H × L rows
@group(0) @binding(6) var<storage, read> log_sum_exp: array<f32>;   // [B, H, L]
@group(0) @binding(7) var<storage, read> delta: array<vec2f>;       // [B, H, queries], from attention_grad_query.*.wgsl

// logSumExp and delta tell of queries that are not finite
fn load_a(i: u32) -> vector32 { return sound_vector(vector32(query[i])); }
fn load_b(i: u32) -> vector32 { return sound_vector(vector32(dy[i])); }

const KEYS = LANES / SHARES;                       // of a workgroup
const ROOM = (VECTORS + SHARES - 1u) / SHARES;     // for the vectors of a share
fn share_vectors() -> u32 { return (vectors() + SHARES - 1u) / SHARES; }

// Every lane's share of product and dweight, for the queries of a tile. Twice, in turns: whoever is a tile ahead does
// not overwrite what others read.
var<workgroup> sums: array<vec2f, 2u * TILE * LANES>;

@compute @workgroup_size(LANES)
fn attention_grad_key_value(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, lane: Lane) {
  let key_tiles = (params.keys + KEYS - 1u) / KEYS;
  let key_tile = group_number(group, groups);
  let problem = key_tile / key_tiles;
  if (problem >= params.problems) { return; }
  let first_key = (key_tile % key_tiles) * KEYS;
  let own = lane.index % KEYS;
  let s = min(first_key + own, params.keys - 1u);   // out-of-range lanes repeat the last key and write nothing
  let first_vector = lane.index / KEYS * share_vectors();
  // the last shares may be smaller, or empty
  let count = min(share_vectors(), vectors() - min(first_vector, vectors()));

  var k: array<vector32, ROOM>;   // 0 beyond `count`, so that out-of-range vectors add nothing
  var v: array<vector32, ROOM>;
  var dk: array<vector32, ROOM>;
  var dv: array<vector32, ROOM>;
  for (var c = 0u; c < share_vectors(); c++) {
    k[c] = vector32();
    v[c] = vector32();
    if (c < count) {
      k[c] = vector32(key[key_start(problem) + s * params.key_row + first_vector + c]);
      v[c] = vector32(value[value_start(problem) + s * params.key_row + first_vector + c]);
    }
  }

  let met = Met(query_start(problem), output_start(problem), params.query_row, params.output_row, params.queries);
  var turn = 0u;
  for (var first = first_to_see(first_key); first < params.queries; first += TILE) {
    stage(met, first, lane);
    var product = array<f32, TILE>();   // set to 0 here, because SwiftShader zeroes a bare `var` only once
    var dweight = array<f32, TILE>();
    for (var c = 0u; c < share_vectors(); c++) {
      let at = min(first_vector + c, vectors() - 1u);
      let q = column_a(met, first, at, lane);
      let dy_column = column_b(met, first, at, lane);
      let k_c = k[c];
      let v_c = v[c];
      for (var j = 0u; j < TILE; j++) {
        product[j] += sum_of(k_c * take_a(q, j));
        dweight[j] += sum_of(v_c * take_b(dy_column, j));
      }
    }
    for (var j = 0u; j < TILE; j++) {
      sums[(turn * TILE + j) * LANES + lane.index] = vec2f(product[j], dweight[j]);
    }
    workgroupBarrier();   // the sums of all shares must be there
    var w: array<f32, TILE>;
    var dlogit: array<f32, TILE>;
    for (var j = 0u; j < TILE; j++) {
      var both = vec2f();
      for (var share = 0u; share < SHARES; share++) {
        both += sums[(turn * TILE + j) * LANES + share * KEYS + own];
      }
      let l = min(first + j, params.queries - 1u);
      let delta_l = delta[problem * params.queries + l];
      let above = (both.y - delta_l.x) - delta_l.y;
      let level = log_sum_exp[log_sum_exp_start(problem) + l];
      let pair = pair_of(vec4f(logit(both.x, problem, first + j, s)), vec4f(level), vec4f(above));
      w[j] = pair.weight.x;
      dlogit[j] = pair.dlogit.x;
    }
    turn = 1u - turn;
    for (var c = 0u; c < share_vectors(); c++) {
      let at = min(first_vector + c, vectors() - 1u);
      let q = column_a(met, first, at, lane);
      let dy_column = column_b(met, first, at, lane);
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

  if (first_key + own >= params.keys) { return; }
  for (var c = 0u; c < share_vectors(); c++) {
    if (c < count) { store_grads(problem, s, first_vector + c, params.scale * dk[c], dv[c]); }
  }
}
