// Gradient of attention for keys and values, as attention_grad_key_value.wgsl, with four keys a lane, and with the weights and dlogits of a
// chunk of queries that attention_grad_query.quad.wgsl left in memory: two products of every pair. What earlier chunks gave is added to.
// Linked with problem.wgsl, four.wgsl, block.subgroup.wgsl and a `pack`.

@group(0) @binding(5) var<storage, read> dy: array<pack>;            // B × H × L rows
@group(0) @binding(7) var<storage, read> pairs: array<vec4f>;        // [B, H, 2, chunk, kept_width()]: weights, dlogits
@group(0) @binding(8) var<storage, read_write> dkv: array<result_pack>;     // dk and dv: WebGPU takes a buffer once for writing

fn load_a(i: u32) -> pack32 { return pack32(query[i]); }
fn load_b(i: u32) -> pack32 { return pack32(dy[i]); }

@compute @workgroup_size(LANES)
fn attention_grad_key_value(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, lane: Lane) {
  let pieces = (params.keys + OWN * LANES - 1u) / (OWN * LANES);
  let piece = group.y * groups.x + group.x;
  let problem = piece / pieces;
  if (problem >= params.problems) { return; }
  let first_key = (piece % pieces) * OWN * LANES;
  let s = first_key + OWN * lane.index;   // surplus keys find what nobody kept, and are not written

  var dk: array<Four, PACKS>;
  var dv: array<Four, PACKS>;
  let past = params.first_query + params.chunk;
  let blocks = Blocks(query_start(problem), output_start(problem), params.query_row, params.output_row, past);
  let start = select(params.first_query, max(params.first_query, first_key), params.causal == 1u);   // no earlier query sees a key of these
  let width = kept_width() / 4u;
  let column = min(s / 4u, width - 1u);
  for (var first = start; first < past; first += BLOCK) {
    let parts = parts_of(first, past);
    var w = Weights();
    var dlogit = Weights();
    // a loop that compilers do not unroll: hundreds of loads side by side would take them seconds
    let rows = min(BLOCK, past - first);
    for (var j = 0u; j < rows; j++) {
      let row = 2u * problem * params.chunk + first + j - params.first_query;
      // of keys that a causal query does not see, nothing was kept beyond its last block
      let sees = params.causal == 0u || s <= first + j;
      w[j] = select(vec4f(), pairs[row * width + column], sees);
      dlogit[j] = select(vec4f(), pairs[(row + params.chunk) * width + column], sees);
    }
    for (var c = 0u; c < packs(); c++) {
      let q = column_a(blocks, first, c, lane);
      dk[c] = sum_of_fours(dk[c], weighted(&dlogit, q, parts));
    }
    for (var c = 0u; c < packs(); c++) {
      let d = column_b(blocks, first, c, lane);
      dv[c] = sum_of_fours(dv[c], weighted(&w, d, parts));
    }
  }

  let adds = params.first_query > 0u;
  for (var i = 0u; i < OWN; i++) {
    if (s + i >= params.keys) { return; }
    let row = at(problem, params.key_batch, params.key_head) + (s + i) * params.key_row;
    for (var c = 0u; c < packs(); c++) {
      var dk_c = params.scale * dk[c][i];
      var dv_c = dv[c][i];
      if (adds) {
        dk_c += pack32(dkv[params.dkey_offset + row + c]);
        dv_c += pack32(dkv[params.dvalue_offset + row + c]);
      }
      dkv[params.dkey_offset + row + c] = result_pack(dk_c);
      dkv[params.dvalue_offset + row + c] = result_pack(dv_c);
      if (LISTENERS && s + i >= params.queries) { dkv[row + c] = result_pack(); }
    }
  }
}
