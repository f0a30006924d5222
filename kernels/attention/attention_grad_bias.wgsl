// Gradient of attention for a bias that all samples share: dbias = Σ over samples of dlogit, for every head, query and
// key. weight and dlogit as in attention_grad_query.online.wgsl, recomputed here.
// New here: a lane owns pairs and meets samples. It has one query and four keys of one head, and walks over the
// samples. So no weight is stored, and no two lanes add to one place.
// Linked with problem.wgsl, finite.wgsl, mask.memory.wgsl and shared/vector/*.wgsl.
//
// Constants:
// WORKGROUP: lanes of a workgroup      ADDS: whether something was summed before

@group(0) @binding(5) var<storage, read> dy: array<vector>;             // B × H × L rows
@group(0) @binding(6) var<storage, read> log_sum_exp: array<f32>;       // [B, H, L]
@group(0) @binding(7) var<storage, read> delta: array<vec2f>;           // [B, H, queries]
@group(0) @binding(8) var<storage, read_write> dbias: array<vec4f>;     // [H, L, kept_width]

@compute @workgroup_size(WORKGROUP)
fn attention_grad_bias(
  @builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let width = params.kept_width / 4u;
  let i = group_number(group, groups) * WORKGROUP + lane;
  let head = i / (params.queries * width);
  if (head >= params.heads) { return; }
  let l = i / width % params.queries;
  let s = 4u * (i % width);
  let keys = min(s + vec4u(0u, 1u, 2u, 3u), vec4u(params.keys - 1u));   // beyond the last key: it again, and hidden

  var sum = vec4f();
  for (var problem = head; problem < params.problems; problem += params.heads) {
    let q = query_start(problem) + l * params.query_row;
    let d = output_start(problem) + l * params.output_row;
    let k = key_start(problem) + keys * params.key_row;
    let v = value_start(problem) + keys * params.key_row;
    var products = vec4f();
    var dweights = vec4f();
    for (var c = 0u; c < params.vectors; c++) {
      let q_c = vector32(query[q + c]);
      let dy_c = vector32(dy[d + c]);
      products += vec4f(
        sum_of(q_c * vector32(key[k.x + c])), sum_of(q_c * vector32(key[k.y + c])),
        sum_of(q_c * vector32(key[k.z + c])), sum_of(q_c * vector32(key[k.w + c])),
      );
      dweights += vec4f(
        sum_of(dy_c * vector32(value[v.x + c])), sum_of(dy_c * vector32(value[v.y + c])),
        sum_of(dy_c * vector32(value[v.z + c])), sum_of(dy_c * vector32(value[v.w + c])),
      );
    }
    let row = problem * params.queries + l;
    let logits = vec4f(
      logit(products.x, problem, l, s), logit(products.y, problem, l, s + 1u),
      logit(products.z, problem, l, s + 2u), logit(products.w, problem, l, s + 3u),
    );
    let above = (dweights - delta[row].x) - delta[row].y;
    sum += pair_of(logits, vec4f(log_sum_exp[log_sum_exp_start(problem) + l]), above).dlogit;
  }
  let at = (head * params.all_queries + params.earlier + l) * width + s / 4u;
  if (ADDS) { sum += dbias[at]; }
  dbias[at] = sum;
}
