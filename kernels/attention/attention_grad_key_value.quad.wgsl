// Gradient of attention for keys and values, as attention_grad_key_value.wgsl, with four keys a lane, and with the weights and dlogits of a
// chunk of queries that attention_grad_query.quad.wgsl left in memory: two products of every pair.
// Linked with problem.wgsl, finite.wgsl, key_value_grads.wgsl, four.wgsl, block.subgroup.wgsl and a `vector`.

@group(0) @binding(5) var<storage, read> dy: array<vector>;            // B × H × L rows
@group(0) @binding(7) var<storage, read> pairs: array<vec4f>;        // [B, H, 2, queries, kept_width()]: weights, dlogits

// weights and dlogits tell of queries that are not finite
fn load_a(i: u32) -> vector32 { return sound_vector(vector32(query[i])); }
fn load_b(i: u32) -> vector32 { return sound_vector(vector32(dy[i])); }

@compute @workgroup_size(LANES)
fn attention_grad_key_value(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, lane: Lane) {
  let pieces = (params.keys + OWN * LANES - 1u) / (OWN * LANES);
  let piece = group_number(group, groups);
  let problem = piece / pieces;
  if (problem >= params.problems) { return; }
  let first_key = (piece % pieces) * OWN * LANES;
  let s = first_key + OWN * lane.index;   // surplus keys find what nobody kept, and are not written

  var dk: array<Four, VECTORS>;
  var dv: array<Four, VECTORS>;
  let blocks = Blocks(query_start(problem), output_start(problem), params.query_row, params.output_row, params.queries);
  let width = kept_width() / 4u;
  let column = min(s / 4u, width - 1u);
  for (var first = first_to_see(first_key); first < params.queries; first += BLOCK) {
    let parts = parts_of(first, params.queries);
    var w = Weights();
    var dlogit = Weights();
    // a loop that compilers do not unroll: hundreds of loads side by side would take them seconds
    let rows = min(BLOCK, params.queries - first);
    for (var j = 0u; j < rows; j++) {
      let row = 2u * problem * params.queries + first + j;
      // of keys that a causal query does not see, nothing was kept beyond its last block
      let sees = params.causal == 0u || s <= params.earlier + first + j;
      dlogit[j] = select(vec4f(), pairs[(row + params.queries) * width + column], sees);
      w[j] = flawed_as(select(vec4f(), pairs[row * width + column], sees), dlogit[j]);
    }
    for (var c = 0u; c < vectors(); c++) {
      let q = column_a(blocks, first, c, lane);
      dk[c] = sum_of_fours(dk[c], weighted(&dlogit, q, parts));
    }
    for (var c = 0u; c < vectors(); c++) {
      let d = column_b(blocks, first, c, lane);
      dv[c] = sum_of_fours(dv[c], weighted(&w, d, parts));
    }
  }

  for (var i = 0u; i < OWN; i++) {
    if (s + i >= params.keys) { return; }
    for (var c = 0u; c < vectors(); c++) { store_grads(problem, s + i, c, params.scale * dk[c][i], dv[c][i]); }
  }
}
