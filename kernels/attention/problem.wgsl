// What the kernels of this room share: one problem is one head of one sample, and its rows lie in memory at
//   offset + sample · batch + head · head + row · row     (all counted in packs; the Dh elements of a row are neighbours)
// so the same kernels read [B, H, L, Dh], [B, L, H·Dh] and the packed [B, L, 3·H·Dh] without a permute.
// PACKS: room for the packs of a row. UNROLLED: see `packs`. MASKED: whether there is a mask. Linked with a `pack` and with shared/exp.wgsl.

struct Params {
  problems: u32, heads: u32, queries: u32, keys: u32,                                  // B·H, H, L, S
  query_batch: u32, query_head: u32, query_row: u32,
  key_offset: u32, value_offset: u32, key_batch: u32, key_head: u32, key_row: u32,     // keys and values lie alike
  output_batch: u32, output_head: u32, output_row: u32,                                // y and dy
  dkey_offset: u32, dvalue_offset: u32,                                                // in `dkv`
  mask_batch: u32,                                                                     // 0: one mask for all samples
  scale: f32,                                                                          // 1/√Dh
  packs: u32,                                                                          // in a head's row: Dh / PACK
  causal: u32,                                                                         // 1: query l sees the keys up to l
  first_query: u32, chunk: u32,                                                        // queries of a gradient whose weights are kept
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> query: array<pack>;   // B × H × L rows
@group(0) @binding(2) var<storage, read> key: array<pack>;     // B × H × S rows
@group(0) @binding(3) var<storage, read> value: array<pack>;   // B × H × S rows
@group(0) @binding(4) var<storage, read> mask: array<elem>;    // [L, S] or [B, L, S]; anything unless MASKED

// Finite stand-ins for −∞: adapters fold inf − inf and exp(−inf) to different things, but agree on these.
const HIDDEN = -1e38;        // the logit of a key that the query does not see
const SMALLEST_SEEN = -1e37;
const DEAD = 1e38;           // the logSumExp of a query that sees no key: all its weights become 0
const LOWEST_EXPONENT = -87.0;   // exp of less is not a normal f32

// Packs of a row, the count of most loops. GPUs want a constant, PACKS itself, to unroll them and keep rows in registers. The
// compilers of processors take up to a minute over unrolled loops, and their registers are memory anyway: there the count comes
// at run time, and one program, with PACKS to spare, serves many head widths.
fn packs() -> u32 {
  if (UNROLLED) { return PACKS; }
  return params.packs;
}

// Where the first row of a problem lies.
fn query_start(problem: u32) -> u32 { return at(problem, params.query_batch, params.query_head); }
fn key_start(problem: u32) -> u32 { return params.key_offset + at(problem, params.key_batch, params.key_head); }
fn value_start(problem: u32) -> u32 { return params.value_offset + at(problem, params.key_batch, params.key_head); }
fn output_start(problem: u32) -> u32 { return at(problem, params.output_batch, params.output_head); }
fn at(problem: u32, batch: u32, head: u32) -> u32 {
  return (problem / params.heads) * batch + (problem % params.heads) * head;
}

// Keys of a query for which the quad rungs of the gradient leave room.
const KEPT_STEP = 32u;
fn kept_width() -> u32 { return (params.keys + KEPT_STEP - 1u) / KEPT_STEP * KEPT_STEP; }

// q·k/√Dh + mask, or HIDDEN where query l does not see key s; also beyond the last query and key.
fn logit(product: f32, problem: u32, l: u32, s: u32) -> f32 {
  let seen = l < params.queries && s < params.keys && (params.causal == 0u || s <= l);
  var bias = 0.0;
  if (MASKED) {
    let row = (problem / params.heads) * params.mask_batch + min(l, params.queries - 1u) * params.keys;
    bias = max(f32(mask[row + min(s, params.keys - 1u)]), HIDDEN);
  }
  return select(HIDDEN, params.scale * product + bias, seen);
}

// exp(logit − level), and exactly 0 for hidden keys.
fn weight(logit: f32, level: f32) -> f32 {
  return select(0.0, exp_of(max(logit - level, LOWEST_EXPONENT)), logit > SMALLEST_SEEN);
}
