// Scaled dot-product attention, as the formula says it. Vaswani et al. 2017, arXiv:1706.03762, equation 1.
//   logit = q·k/√Dh + mask     m = max logit     ℓ = Σ exp(logit − m)     y = Σ exp(logit − m)·v / ℓ
// The first rung: one lane per query, which walks over the keys twice, for m, and for ℓ and y. No weight is stored;
// each logit is computed twice. For tensors that lie as the bindings say. Linked with nothing.
// A problem is one head of one sample. Of L queries and S keys, l and s are the numbers of one.
//
// Constants:
// LANES: lanes of a workgroup      MAX_WIDTH: elements of the widest head

struct Params {
  problems: u32, queries: u32, keys: u32, width: u32,   // B·H, L, S, Dh
  masks: u32, causal: u32, scale: f32,                  // how many masks; 1 if causal; 1/√Dh
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> query: array<elem>;              // [B, H, L, Dh]
@group(0) @binding(2) var<storage, read> key: array<elem>;                // [B, H, S, Dh]
@group(0) @binding(3) var<storage, read> value: array<elem>;              // [B, H, S, Dh]
@group(0) @binding(4) var<storage, read> mask: array<elem>;               // [masks, L, S], masks: 0, 1, H or B·H
@group(0) @binding(5) var<storage, read_write> y: array<elem>;            // [B, H, L, Dh]
@group(0) @binding(6) var<storage, read_write> log_sum_exp: array<f32>;   // [B, H, L], m + ln ℓ: kept for the gradient

const LOWEST = -3.4e38;   // below all logits
const DEAD = 1e38;   // the logSumExp of a query that sees no key

@compute @workgroup_size(LANES)
fn attention(
  @builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let row = group_number(group, groups) * LANES + lane;
  if (row >= params.problems * params.queries) { return; }
  let problem = row / params.queries;
  let l = row % params.queries;

  var running_max = LOWEST;
  for (var s = 0u; s < params.keys; s++) {
    if (sees(problem, l, s)) { running_max = max(running_max, logit(problem, l, s)); }
  }
  var denominator = 0.0;                    // ℓ
  var accumulator: array<f32, MAX_WIDTH>;   // Σ exp(logit − m)·v
  for (var s = 0u; s < params.keys; s++) {
    if (!sees(problem, l, s)) { continue; }
    let weight = exponential(logit(problem, l, s) - running_max);
    denominator += weight;
    let v = (problem * params.keys + s) * params.width;
    for (var c = 0u; c < params.width; c++) { accumulator[c] += weight * shown(f32(value[v + c])); }
  }

  let is_dead = denominator == 0.0;
  for (var c = 0u; c < params.width; c++) {
    y[row * params.width + c] = elem(select(accumulator[c] / denominator, 0.0, is_dead));
  }
  let level = select(running_max + log(denominator), denominator, is_nan(denominator));
  log_sum_exp[row] = select(level, DEAD, is_dead);
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
// eˣ, and NaN of NaN.
fn exponential(x: f32) -> f32 { return select(exp(x), x, is_nan(x)); }
