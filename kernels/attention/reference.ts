/** Sizes of one attention, and what hides keys. */
export interface Sizes {
  readonly batch: number;
  readonly heads: number;
  readonly queries: number;
  readonly keys: number;
  readonly headDim: number;
  readonly causal?: boolean;
}

/** Flat [B, H, L, Dh] and [B, H, S, Dh] arrays, and a mask [B, H, L, S]. */
export interface Operands {
  readonly query: Float64Array;
  readonly key: Float64Array;
  readonly value: Float64Array;
  readonly mask?: Float64Array;
}

/** Whether query l sees key s: the mask hides it with −∞, or as good as that in f32. */
function sees({ queries, keys, causal }: Sizes, { mask }: Operands, problem: number, l: number, s: number): boolean {
  const isMasked = mask !== undefined && mask[(problem * queries + l) * keys + s] <= -1e37;
  return !isMasked && !(causal && s > l);
}

/**
 * softmax(q·kᵀ/√Dh + mask) of one query of one head: a weight for each key, 0 for what is hidden. All that it sees is
 * NaN if any logit is not finite in f32.
 */
function weightsOf(sizes: Sizes, operands: Operands, problem: number, l: number): Float64Array {
  const { queries, keys, headDim } = sizes;
  const { query, key, mask } = operands;
  const logits = new Float64Array(keys).map((_, s) => {
    if (!sees(sizes, operands, problem, l, s)) return Number.NEGATIVE_INFINITY;
    const product = dot(query, (problem * queries + l) * headDim, key, (problem * keys + s) * headDim, headDim);
    const logit = product / Math.sqrt(headDim) + (mask?.[(problem * queries + l) * keys + s] ?? 0);
    return Number.isFinite(Math.fround(logit)) ? logit : Number.NaN;
  });
  const largest = logits.reduce((a, b) => Math.max(a, b));
  const exponentials = logits.map((v) => (v === Number.NEGATIVE_INFINITY ? 0 : Math.exp(v - largest)));
  const total = exponentials.reduce((a, b) => a + b);
  return exponentials.map((v) => (v === 0 ? 0 : v / total));
}

/** y = softmax(q·kᵀ/√Dh + mask)·v; NaN where it is not finite. */
export function attention(sizes: Sizes, operands: Operands): Float64Array {
  const { queries, keys, headDim } = sizes;
  const y = new Float64Array(operands.query.length);
  forEachQuery(sizes, (problem, l) => {
    const weights = weightsOf(sizes, operands, problem, l);
    for (let s = 0; s < keys; s++) {
      if (!sees(sizes, operands, problem, l, s)) continue;
      for (let c = 0; c < headDim; c++) {
        y[(problem * queries + l) * headDim + c] += weights[s] * operands.value[(problem * keys + s) * headDim + c];
      }
    }
  });
  return y.map((v) => (Number.isFinite(v) ? v : Number.NaN));
}

/**
 * The gradient as the chain rule writes it: through the weighted sum, the softmax, and the products of queries and
 * keys. What is not finite for a query is NaN for all that it sees. `logit`: of every pair [B, H, L, S].
 */
export function attentionGradient(sizes: Sizes, operands: Operands,
  dy: Float64Array): Readonly<Record<'query' | 'key' | 'value' | 'logit', Float64Array>> {
  const { queries, keys, headDim } = sizes;
  const { query, key, value } = operands;
  const gradients = { query: new Float64Array(query.length), key: new Float64Array(key.length),
    value: new Float64Array(value.length), logit: new Float64Array(sizes.batch * sizes.heads * queries * keys) };
  forEachQuery(sizes, (problem, l) => {
    const q = (problem * queries + l) * headDim;
    const seen = Array.from({ length: keys }, (_, s) => s).filter((s) => sees(sizes, operands, problem, l, s));
    const weights = weightsOf(sizes, operands, problem, l);
    const dweights = new Float64Array(keys);
    for (const s of seen) dweights[s] = dot(dy, q, value, (problem * keys + s) * headDim, headDim);
    const delta = dot(weights, 0, dweights, 0, keys);
    for (const s of seen) {
      const k = (problem * keys + s) * headDim;
      const weight = Number.isFinite(delta) ? weights[s] : Number.NaN;
      const dlogit = weight * (dweights[s] - delta);
      const dproduct = dlogit / Math.sqrt(headDim);
      gradients.logit[(problem * queries + l) * keys + s] = dlogit;
      for (let c = 0; c < headDim; c++) {
        gradients.query[q + c] += dproduct * key[k + c];
        gradients.key[k + c] += dproduct * query[q + c];
        gradients.value[k + c] += weight * dy[q + c];
      }
    }
  });
  return gradients;
}

/** A mask [L, S], or [B, H, L, S] with 1 for B or H, as one of all samples and heads. */
export function fullMask(mask: Float64Array, shape: readonly number[],
  { batch, heads, queries, keys }: Sizes): Float64Array {
  const [samples, ownHeads] = shape.length === 4 ? shape : [1, 1];
  const pairs = queries * keys;
  return Float64Array.from({ length: batch * heads * pairs }, (_, i) => {
    const [b, h] = [Math.floor(i / pairs / heads), Math.floor(i / pairs) % heads];
    return mask[((b % samples) * ownHeads + (h % ownHeads)) * pairs + (i % pairs)];
  });
}

/** [B, L, parts·H·Dh] → `parts` arrays [B, H, L, Dh]. */
export function unpack(packed: Float64Array, parts: number, heads: number, rows: number,
  headDim: number): Float64Array[] {
  const batch = packed.length / (parts * heads * rows * headDim);
  return Array.from({ length: parts }, (_, part) => {
    const out = new Float64Array(packed.length / parts);
    forEachElement(batch, heads, rows, headDim, (b, h, l, c, dense) => {
      out[dense] = packed[((b * rows + l) * parts + part) * heads * headDim + h * headDim + c];
    });
    return out;
  });
}

/** Arrays [B, H, L, Dh] → [B, L, parts·H·Dh]. */
export function pack(parts: readonly Float64Array[], heads: number, rows: number, headDim: number): Float64Array {
  const batch = parts[0].length / (heads * rows * headDim);
  const out = new Float64Array(parts.length * parts[0].length);
  parts.forEach((part, i) => {
    forEachElement(batch, heads, rows, headDim, (b, h, l, c, dense) => {
      out[((b * rows + l) * parts.length + i) * heads * headDim + h * headDim + c] = part[dense];
    });
  });
  return out;
}

function dot(a: Float64Array, aStart: number, b: Float64Array, bStart: number, n: number): number {
  let sum = 0;
  for (let i = 0; i < n; i++) sum += a[aStart + i] * b[bStart + i];
  return sum;
}

function forEachQuery({ batch, heads, queries }: Sizes, visit: (problem: number, l: number) => void): void {
  for (let problem = 0; problem < batch * heads; problem++) for (let l = 0; l < queries; l++) visit(problem, l);
}

function forEachElement(batch: number, heads: number, rows: number, headDim: number,
  visit: (b: number, h: number, l: number, c: number, dense: number) => void): void {
  let dense = 0;
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      for (let l = 0; l < rows; l++) for (let c = 0; c < headDim; c++) visit(b, h, l, c, dense++);
    }
  }
}

/** Of every head's `from` rows, the first `to`. */
export function firstRows(x: Float64Array, from: number, to: number, headDim: number): Float64Array {
  return x.filter((_, i) => i % (from * headDim) < to * headDim);
}

/** Every head's `from` rows, then rows of 0, `to` in all. */
export function withZeroRows(x: Float64Array, from: number, to: number, headDim: number): Float64Array {
  const heads = x.length / (from * headDim);
  return Float64Array.from({ length: heads * to * headDim }, (_, i) => {
    const [head, within] = [Math.floor(i / (to * headDim)), i % (to * headDim)];
    return within < from * headDim ? x[head * from * headDim + within] : 0;
  });
}
