// Gradient of attention, as the formulas say it. Dao et al. 2022, arXiv:2205.14135, appendix B.2.
//   weight = exp(logit − logSumExp)                 dweight = dy·v
//   delta  = Σ over keys of weight · dweight        dlogit  = weight · (dweight − delta)
//   dq = Σ over keys of dlogit · k/√Dh     dk = Σ over queries of dlogit · q/√Dh     dv = Σ over queries of weight · dy
// The first rung, in two dispatches. In the first a lane has a query, and finds delta and dq. In the second a lane has
// a key, and finds dk and dv. No two lanes add to one number. For tensors that lie as the bindings say. Linked with
// nothing.
// Taken from attention.naive.wgsl: `sees`, `logit`, and how NaN is handed on.
//
// Constants:
// LANES: lanes of a workgroup      MAX_WIDTH: elements of the widest head      OF_KEYS: whether lanes have keys

struct Params {
  problems: u32, queries: u32, keys: u32, width: u32,   // B·H, L, S, Dh
  masks: u32, causal: u32, scale: f32,                  // how many masks; 1 if causal; 1/√Dh
  dvalue_offset: u32,   // where dv starts in `gradient`
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> query: array<elem>;              // [B, H, L, Dh]
@group(0) @binding(2) var<storage, read> key: array<elem>;                // [B, H, S, Dh]
@group(0) @binding(3) var<storage, read> value: array<elem>;              // [B, H, S, Dh]
@group(0) @binding(4) var<storage, read> mask: array<elem>;               // [masks, L, S], masks: 0, 1, H or B·H
@group(0) @binding(5) var<storage, read> dy: array<elem>;                 // [B, H, L, Dh]
@group(0) @binding(6) var<storage, read> log_sum_exp: array<f32>;         // [B, H, L]
@group(0) @binding(7) var<storage, read_write> delta: array<vec2f>;       // [B, H, L]; later rungs use both numbers
// dq [B, H, L, Dh]; or dk and dv [B, H, S, Dh]
@group(0) @binding(8) var<storage, read_write> gradient: array<result>;

@compute @workgroup_size(LANES)
fn attention_grad(
  @builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let row = group_number(group, groups) * LANES + lane;
  if (row >= params.problems * select(params.queries, params.keys, OF_KEYS)) { return; }
  if (OF_KEYS) {
    find_dk_and_dv(row / params.keys, row % params.keys);
  } else {
    find_dq(row / params.queries, row % params.queries);
  }
}

fn find_dq(problem: u32, l: u32) {
  let row = problem * params.queries + l;
  var sum = 0.0;
  var weight_sum = 0.0;   // recomputed weights add up to 1 only nearly
  for (var s = 0u; s < params.keys; s++) {
    if (!sees(problem, l, s)) { continue; }
    let w = weight(problem, l, s);
    sum += w * dweight(problem, l, s);
    weight_sum += w;
  }
  delta[row] = vec2f(select(sum / weight_sum, 0.0, weight_sum == 0.0), 0.0);

  var dq: array<f32, MAX_WIDTH>;
  for (var s = 0u; s < params.keys; s++) {
    if (!sees(problem, l, s)) { continue; }
    let dlogit = weight(problem, l, s) * (dweight(problem, l, s) - delta[row].x);
    let k = (problem * params.keys + s) * params.width;
    for (var c = 0u; c < params.width; c++) { dq[c] += dlogit * f32(key[k + c]); }
  }
  for (var c = 0u; c < params.width; c++) { gradient[row * params.width + c] = result(params.scale * dq[c]); }
}

fn find_dk_and_dv(problem: u32, s: u32) {
  var dk: array<f32, MAX_WIDTH>;
  var dv: array<f32, MAX_WIDTH>;
  for (var l = 0u; l < params.queries; l++) {
    if (!sees(problem, l, s)) { continue; }
    let row = problem * params.queries + l;
    let w = weight(problem, l, s);
    let dlogit = shown(w * (dweight(problem, l, s) - delta[row].x - delta[row].y));
    let shown_weight = select(w, dlogit, is_nan(dlogit));   // a query whose dlogits are NaN makes NaN of dv too
    for (var c = 0u; c < params.width; c++) {
      dk[c] += dlogit * f32(query[row * params.width + c]);
      dv[c] += shown_weight * f32(dy[row * params.width + c]);
    }
  }
  let first = (problem * params.keys + s) * params.width;
  for (var c = 0u; c < params.width; c++) {
    gradient[first + c] = result(params.scale * dk[c]);
    gradient[params.dvalue_offset + first + c] = result(dv[c]);
  }
}

fn weight(problem: u32, l: u32, s: u32) -> f32 {
  return exponential(logit(problem, l, s) - log_sum_exp[problem * params.queries + l]);
}

fn dweight(problem: u32, l: u32, s: u32) -> f32 {
  let d = (problem * params.queries + l) * params.width;
  let v = (problem * params.keys + s) * params.width;
  var product = 0.0;
  for (var c = 0u; c < params.width; c++) { product += f32(dy[d + c]) * f32(value[v + c]); }
  return shown(product);
}

// q·k/√Dh + mask of query l and key s. NaN where it is not finite: −∞ would weigh nothing, and be forgotten.
fn logit(problem: u32, l: u32, s: u32) -> f32 {
  let q = (problem * params.queries + l) * params.width;
  let k = (problem * params.keys + s) * params.width;
  var product = 0.0;
  for (var c = 0u; c < params.width; c++) { product += f32(query[q + c]) * f32(key[k + c]); }
  return shown(params.scale * product + bias(problem, l, s));
}

// Whether query l sees key s: it does not if s comes later and attention is causal, nor if the mask is −1e37 or less.
fn sees(problem: u32, l: u32, s: u32) -> bool {
  let bits = bitcast<u32>(bias(problem, l, s));
  return (params.causal == 0u || s <= l) && (bits < 0xfcf0bdc2u || bits > 0xff800000u);   // of −1e37 and of −∞
}

fn bias(problem: u32, l: u32, s: u32) -> f32 {
  if (params.masks == 0u) { return 0.0; }
  return f32(mask[((problem % params.masks) * params.queries + l) * params.keys + s]);
}

// NaN and infinity, told by their bits: comparisons may let them pass for numbers, and the built-in exp makes 0 of NaN
// on some adapters.
fn is_nan(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }
// x, or NaN where x is infinite or NaN: so that nothing later makes a number of it.
fn shown(x: f32) -> f32 {
  let bits = bitcast<u32>(x);
  return select(x, bitcast<f32>(bits | 0x7fc00000u), (bits & 0x7f800000u) == 0x7f800000u);
}
fn exponential(x: f32) -> f32 { return select(exp(x), x, is_nan(x)); }
