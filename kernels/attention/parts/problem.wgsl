// What the rungs after the first share: where rows lie, which keys a query sees, and what a logit and a weight are.
// A problem is one head of one sample, and its rows lie in memory at
//   offset + sample · batch + head · head + row · row     (all in vectors; the Dh elements of a row are neighbours)
// so the same kernels read [B, H, L, Dh], [B, L, H·Dh] and the packed [B, L, 3·H·Dh] without a permute.
// Linked with shared/vector/*.wgsl (`vector`), finite.wgsl, mask.*.wgsl, shared/kinds.wgsl and shared/exp.wgsl.
//
// Constants:
// VECTORS: room for the vectors of a row      UNROLLED: whether it is their number, see `vectors`
// MASKED: whether there is a mask

struct Params {
  problems: u32, heads: u32, queries: u32, keys: u32,   // of this dispatch; problems = samples · heads
  query_offset: u32, query_batch: u32, query_head: u32, query_row: u32,
  key_offset: u32, value_offset: u32, key_batch: u32, key_head: u32, key_row: u32,   // keys and values lie alike
  output_offset: u32, output_batch: u32, output_head: u32, output_row: u32,          // y and dy
  dkey_offset: u32, dvalue_offset: u32,                                              // in `dkv`
  mask_offset: u32, mask_size: u32,                        // where the first mask lies, and how much one takes
  mask_batch: u32, mask_head: u32,                         // in masks; 0: one for all samples, or for all heads
  by_kind: u32,                                            // 1: one for all samples of a kind, which begin here:
  kind1: u32, kind2: u32, kind3: u32, kind4: u32, kind5: u32, kind6: u32, kind7: u32,
  log_sum_exp_offset: u32, log_sum_exp_head: u32,
  scale: f32,            // 1/√Dh
  vectors: u32,          // in a head's row: Dh / VECTOR
  causal: u32,           // 1: query l sees the keys up to l
  earlier: u32, all_queries: u32,   // queries that come before those of this dispatch, and all
  kept_width: u32,       // numbers in a row of kept pairs: for the quad rungs of the gradient alone
  dquery_offset: u32, first_listener: u32,                 // for key_value_grads.wgsl alone
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> query: array<vector>;   // B × H × L rows
@group(0) @binding(2) var<storage, read> key: array<vector>;     // B × H × S rows
@group(0) @binding(3) var<storage, read> value: array<vector>;   // B × H × S rows

// Finite stand-ins for −∞: adapters fold inf − inf and exp(−inf) to different things, but agree on these.
const HIDDEN = -3.4028234663852886e38;   // the logit of a key that is not seen: the lowest f32, told by its bits
const HIDDEN_BITS = 0xff7fffffu;
const DEAD = 1e38;                       // the logSumExp of a query that sees no key
const LOWEST_EXPONENT = -87.0;           // exp of less is not a normal f32
const LOWEST_EXPONENT_BITS = 0xc2ae0000u;

// As bits, negative numbers grow away from 0, up to those of −∞, behind which lies NaN.
const MINUS_INFINITY_BITS = 0xff800000u;
const MASKING_BITS = 0xfcf0bdc2u;   // of −1e37: a mask of as much or less hides, −∞ or the lowest f32
fn hides(mask: vec4f) -> vec4<bool> {
  return bitcast<vec4u>(mask) - MASKING_BITS <= vec4u(MINUS_INFINITY_BITS - MASKING_BITS);
}

// Vectors of a row, the count of most loops. Hardware adapters want a constant, VECTORS itself, to unroll them and keep
// rows in registers. The compilers of software adapters take very long over unrolled loops, and their registers
// are memory anyway: there the count comes at run time, and one program, with VECTORS to spare, serves many head
// widths.
fn vectors() -> u32 {
  if (UNROLLED) { return VECTORS; }
  return params.vectors;
}

// n, which compilers do not know, so that a loop up to n stays a loop. It is for loops around loads: lavapipe makes 32
// loads with a check and a jump of each in a text, and compiles 40 of those for as long as thousands of products.
fn rolled(n: u32) -> u32 { return select(n, 0u, n > 1u && params.vectors == 0u); }

// Where the first row of a problem lies.
fn query_start(problem: u32) -> u32 { return params.query_offset + at(problem, params.query_batch, params.query_head); }
fn key_start(problem: u32) -> u32 { return params.key_offset + at(problem, params.key_batch, params.key_head); }
fn value_start(problem: u32) -> u32 { return params.value_offset + at(problem, params.key_batch, params.key_head); }
fn output_start(problem: u32) -> u32 {
  return params.output_offset + at(problem, params.output_batch, params.output_head);
}
fn log_sum_exp_start(problem: u32) -> u32 { return params.log_sum_exp_offset + problem * params.log_sum_exp_head; }
fn mask_start(problem: u32) -> u32 {
  let sample = problem / params.heads;
  let which = select(sample, kind_of(sample), params.by_kind == 1u);
  let number = which * params.mask_batch + problem % params.heads * params.mask_head;
  return params.mask_offset + number * params.mask_size;
}
fn at(problem: u32, batch: u32, head: u32) -> u32 {
  return (problem / params.heads) * batch + (problem % params.heads) * head;
}

// Keys that the queries before `past` may see: all, or the first ones if causal.
fn keys_before(past: u32) -> u32 {
  return select(params.keys, min(params.keys, params.earlier + past), params.causal == 1u);
}
// The first query that may see a key from `first_key` on.
fn first_to_see(first_key: u32) -> u32 {
  return select(0u, max(first_key, params.earlier) - params.earlier, params.causal == 1u);
}

// q·k/√Dh + mask, or HIDDEN where query l does not see key s; also beyond the last query and key.
fn logit(product: f32, problem: u32, l: u32, s: u32) -> f32 {
  var seen = l < params.queries && s < params.keys && (params.causal == 0u || s <= params.earlier + l);
  var bias = 0.0;
  if (MASKED) {
    bias = mask_of(mask_start(problem), l, s);
    seen = seen && !hides(vec4f(bias)).x;
  }
  return select(HIDDEN, params.scale * product + bias, seen);
}

// exp(logit − level), where the level of a query is its running maximum, or in the gradient its logSumExp. Exactly 0
// for hidden keys and for no others. NaN where the level is: its query has seen what is not finite.
fn weights(logits: vec4f, levels: vec4f) -> vec4f {
  return select(exp_of_four(at_lowest(logits - levels)), vec4f(), bitcast<vec4u>(logits) == vec4u(HIDDEN_BITS));
}
fn weight(logit: f32, level: f32) -> f32 { return weights(vec4f(logit), vec4f(level)).x; }

// max(x, LOWEST_EXPONENT), but NaN stays NaN.
fn at_lowest(x: vec4f) -> vec4f {
  let is_lower = bitcast<vec4u>(x) - LOWEST_EXPONENT_BITS <= vec4u(MINUS_INFINITY_BITS - LOWEST_EXPONENT_BITS);
  return select(x, vec4f(LOWEST_EXPONENT), is_lower);
}

// Weight and dlogit of pairs, from their logits and `above`, dweight − delta. Where a dlogit is not finite, the weight
// is not either.
struct Pair { weight: vec4f, dlogit: vec4f }
fn pair_of(logits: vec4f, levels: vec4f, above: vec4f) -> Pair {
  let w = weights(logits, levels);
  let dlogit = w * felt(w, above);
  return Pair(flawed_as(w, dlogit), dlogit);
}
