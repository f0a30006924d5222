// Gradient of attention for keys and values where keys are few: as attention_grad_key_value.wgsl, with the weights and dlogits that
// attention_grad_query.kept.wgsl left in memory: two products of every pair.
// One lane per key; queries and their dy come in blocks. Linked with problem.wgsl, block.subgroup.wgsl and a `pack`.

@group(0) @binding(5) var<storage, read> dy: array<pack>;            // B × H × L rows
@group(0) @binding(7) var<storage, read> pairs: array<f32>;          // [B, H, 2, L, kept_width()]: weights, dlogits
@group(0) @binding(8) var<storage, read_write> dkv: array<result_pack>;     // dk and dv: WebGPU takes a buffer once for writing

fn load_a(i: u32) -> pack32 { return pack32(query[i]); }
fn load_b(i: u32) -> pack32 { return pack32(dy[i]); }

@compute @workgroup_size(LANES)
fn attention_grad_key_value(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, lane: Lane) {
  let pieces = (params.keys + LANES - 1u) / LANES;
  let piece = group.y * groups.x + group.x;
  let problem = piece / pieces;
  if (problem >= params.problems) { return; }
  let first_key = (piece % pieces) * LANES;
  let s = min(first_key + lane.index, params.keys - 1u);   // surplus lanes repeat the last key and write nothing

  var dk: array<pack32, PACKS>;
  var dv: array<pack32, PACKS>;
  let blocks = Blocks(query_start(problem), output_start(problem), params.query_row, params.output_row, params.queries);
  let start = select(0u, first_key, params.causal == 1u);   // no earlier query sees a key of these
  for (var first = start; first < params.queries; first += BLOCK) {
    var w: array<f32, BLOCK>;
    var dlogit: array<f32, BLOCK>;
    for (var j = 0u; j < BLOCK; j++) {
      let l = min(first + j, params.queries - 1u);
      let i = (2u * problem * params.queries + l) * kept_width() + s;
      let asks = first + j < params.queries;
      w[j] = select(0.0, pairs[i], asks);
      dlogit[j] = select(0.0, pairs[i + params.queries * kept_width()], asks);
    }
    for (var c = 0u; c < packs(); c++) {
      let q = column_a(blocks, first, c, lane);
      let dy_column = column_b(blocks, first, c, lane);
      var dk_c = dk[c];
      var dv_c = dv[c];
      for (var j = 0u; j < BLOCK; j++) {
        dk_c += dlogit[j] * take_a(q, j);
        dv_c += w[j] * take_b(dy_column, j);
      }
      dk[c] = dk_c;
      dv[c] = dv_c;
    }
  }

  if (first_key + lane.index >= params.keys) { return; }
  let row = at(problem, params.key_batch, params.key_head) + s * params.key_row;
  for (var c = 0u; c < packs(); c++) {
    dkv[params.dkey_offset + row + c] = result_pack(params.scale * dk[c]);
    dkv[params.dvalue_offset + row + c] = result_pack(dv[c]);
    if (LISTENERS && s >= params.queries) { dkv[row + c] = result_pack(); }
  }
}
