// Gradient of attention for keys and values, dk and dv, for software adapters.
// New here: nothing is computed again. The weights and dlogits of a range of queries lie in memory, where
// attention_grad_query.quad.wgsl left them: two products of every pair.
// Taken from attention_grad_key_value.online.wgsl: a lane owns keys; from attention.quad.wgsl: four of them.
// One lane per four keys; queries and their dy come in tiles. Linked with problem.wgsl, finite.wgsl,
// key_value_grads.wgsl, register_tile.wgsl, tile.subgroup.wgsl and shared/vector/*.wgsl.
//
// Constants:
// LANES: lanes of a workgroup      TILE: queries that are met at a time      VECTORS: room for the vectors of a row
// OWN: keys of a lane, 4

@group(0) @binding(5) var<storage, read> dy: array<vector>;     // B × H × L rows
@group(0) @binding(7) var<storage, read> pairs: array<vec4f>;   // [B, H, 2, queries, kept_width]: weights, dlogits

// weights and dlogits tell of queries that are not finite
fn load_a(i: u32) -> vector32 { return sound_vector(vector32(query[i])); }
fn load_b(i: u32) -> vector32 { return sound_vector(vector32(dy[i])); }

@compute @workgroup_size(LANES)
fn attention_grad_key_value(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, lane: Lane) {
  let key_tiles = (params.keys + OWN * LANES - 1u) / (OWN * LANES);
  let key_tile = group_number(group, groups);
  let problem = key_tile / key_tiles;
  if (problem >= params.problems) { return; }
  let first_key = (key_tile % key_tiles) * OWN * LANES;
  let s = first_key + OWN * lane.index;   // out-of-range keys find what nobody kept, and are not written

  var dk: array<Four, VECTORS>;
  var dv: array<Four, VECTORS>;
  let met = Met(query_start(problem), output_start(problem), params.query_row, params.output_row, params.queries);
  let width = params.kept_width / 4u;
  let column = min(s / 4u, width - 1u);
  for (var first = first_to_see(first_key); first < params.queries; first += TILE) {
    let quarters = quarters_of(first, params.queries);
    var w = Weights();
    var dlogit = Weights();
    // a loop that compilers do not unroll: hundreds of loads side by side would take them minutes
    let rows = min(TILE, params.queries - first);
    for (var j = 0u; j < rows; j++) {
      let row = 2u * problem * params.queries + first + j;
      // of keys that a causal query does not see, nothing was kept beyond its last tile
      let sees = params.causal == 0u || s <= params.earlier + first + j;
      dlogit[j] = select(vec4f(), pairs[(row + params.queries) * width + column], sees);
      w[j] = flawed_as(select(vec4f(), pairs[row * width + column], sees), dlogit[j]);
    }
    for (var c = 0u; c < vectors(); c++) {
      let q = column_a(met, first, c, lane);
      dk[c] = sum_of_fours(dk[c], weighted(&dlogit, q, quarters));
    }
    for (var c = 0u; c < vectors(); c++) {
      let d = column_b(met, first, c, lane);
      dv[c] = sum_of_fours(dv[c], weighted(&w, d, quarters));
    }
  }

  let count = min(OWN, params.keys - min(s, params.keys));
  for (var i = 0u; i < count; i++) {
    for (var c = 0u; c < vectors(); c++) { store_grads(problem, s + i, c, params.scale * dk[c][i], dv[c][i]); }
  }
}
