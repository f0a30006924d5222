// Gradient of attention for a bias that all samples share, where attention_grad_query.quad.wgsl left the dlogits of
// every pair: dbias = Σ over samples of dlogit. One lane, one query and four keys of one head.
//
// Constants:
// WORKGROUP: lanes of a workgroup      ADDS: whether something was summed before

struct Params {
  problems: u32, heads: u32,                        // of this dispatch; problems = samples · heads
  queries: u32, earlier: u32, all_queries: u32,     // of this dispatch, those before them, and all
  width: u32,                                       // vectors in a row of pairs
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> pairs: array<vec4f>;         // [B, H, 2, queries, width]: weights, dlogits
@group(0) @binding(2) var<storage, read_write> dbias: array<vec4f>;   // [H, L, width]

@compute @workgroup_size(WORKGROUP)
fn bias_of_pairs(
  @builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let size = params.queries * params.width;   // of the weights of a head, and of its dlogits
  let i = group_number(group, groups) * WORKGROUP + lane;
  let head = i / size;
  if (head >= params.heads) { return; }
  var sum = vec4f();
  for (var problem = head; problem < params.problems; problem += params.heads) {
    sum += pairs[(2u * problem + 1u) * size + i % size];
  }
  let at = (head * params.all_queries + params.earlier) * params.width + i % size;
  if (ADDS) { sum += dbias[at]; }
  dbias[at] = sum;
}
