import { sizeOf, type Tensor } from '../../engine/index.ts';
import { partitionOf, type WindowSize } from '../shared/partition.ts';
import type { Case, Input, Inputs64, Room, Tolerance } from '../shared/room.ts';
import { normal, values } from '../shared/sample.ts';
import { largeWorkload, workload } from '../shared/workload.ts';
import { type AttentionSize, cost, gradientCost } from './cost.ts';
import { attention, crossAttention, kernels, selfAttention, windowAttention } from './index.ts';
import * as reference from './reference.ts';
import { tableGradient, windowMasks } from './window_reference.ts';

/** Tolerances of every case; logits of a few units, so that exp multiplies their rounding by as much. */
const COMMON = {
  tolerance: { atol: 2e-6, rtol: 2e-6,
    why: 'a mean of values of about 1, with weights that are off by the rounding of a logit, some 1e-7 each' },
  gradientTolerance: { atol: 6e-6, rtol: 4e-6, why: 'sums of products of up to 10 that cancel: dweight − delta' },
  // weights and dlogits become f16: a row's weights add up to 1, so y moves by their largest rounding times what values
  // are apart; dlogits, weights times dweights of a few units, are divided by √Dh
  onMatrices: { stored: { roundings: 1, count: 1, scale: 0.25 },
    gradientStored: { roundings: 1, count: 1, scale: 0.5 } },
};

function work(size: AttentionSize, wrt: readonly string[]): Pick<Case, 'wrt' | 'cost' | 'gradientCost'> {
  return { wrt, cost: (type) => cost(size, type), gradientCost: (type) => gradientCost(size, wrt, type) };
}

interface Extra {
  readonly causal?: boolean;
  readonly mask?: Input;
  readonly value?: Input;
  /** Standard deviation of queries and keys. */
  readonly std?: number;
  readonly gradientTolerance?: Tolerance;
}

export function attentionCase(name: string, sizes: Omit<reference.Sizes, 'causal'>,
  { causal = false, mask, value, std = 1, gradientTolerance = COMMON.gradientTolerance }: Extra = {}): Case {
  const { batch, heads, queries, keys, headDim } = sizes;
  const full = { ...sizes, causal };
  const operands = ({ query, key, value, mask: flat }: Inputs64) => ({ query, key, value,
    ...(mask && { mask: reference.fullMask(flat, mask.shape, sizes) }) });
  return {
    name,
    inputs: {
      query: normal(`${name} query`, [batch, heads, queries, headDim], { std }),
      key: normal(`${name} key`, [batch, heads, keys, headDim], { std }),
      value: value ?? normal(`${name} value`, [batch, heads, keys, headDim]),
      ...(mask && { mask }),
    },
    run: (
      t,
    ) => [
      attention(t.query as Tensor, t.key as Tensor, t.value as Tensor, { causal, mask: t.mask as Tensor | undefined }),
    ],
    reference: (inputs) => [reference.attention(full, operands(inputs))],
    gradient: (inputs, dy) => reference.attentionGradient(full, operands(inputs), dy),
    tolerance: COMMON.tolerance,
    gradientTolerance,
    onMatrices: { ...COMMON.onMatrices,
      gradientStored: { ...COMMON.onMatrices.gradientStored, scale: COMMON.onMatrices.gradientStored.scale * std } },
    ...work({ ...sizes, visible: causal ? 0.5 : 1, mask: mask && sizeOf(mask.shape) }, ['query', 'key', 'value']),
  };
}

export function selfAttentionCase(name: string,
  { batch, heads, tokens, queries = tokens, headDim, causal = false }: { batch: number; heads: number; tokens: number;
    queries?: number; headDim: number; causal?: boolean }): Case {
  const sizes = { batch, heads, queries, keys: tokens, headDim, causal };
  const unpack = (packed: Float64Array) => {
    const [query, key, value] = reference.unpack(packed, 3, heads, tokens, headDim);
    return { query: reference.firstRows(query, tokens, queries, headDim), key, value };
  };
  return {
    name: `packed: ${name}`,
    inputs: { qkv: normal(name, [batch, tokens, 3 * heads * headDim]) },
    run: ({ qkv }) => [selfAttention(qkv as Tensor, heads, { causal, queries })],
    reference: ({ qkv }) => [reference.pack([reference.attention(sizes, unpack(qkv))], heads, queries, headDim)],
    gradient: ({ qkv }, dy) => {
      const d = reference.attentionGradient(sizes, unpack(qkv), reference.unpack(dy, 1, heads, queries, headDim)[0]);
      return {
        qkv: reference.pack([reference.withZeroRows(d.query, queries, tokens, headDim), d.key, d.value], heads, tokens,
          headDim),
      };
    },
    ...COMMON,
    ...work({ ...sizes, visible: causal ? 0.5 : 1 }, ['qkv']),
  };
}

export function crossAttentionCase(name: string, { batch, heads, queries, keys, headDim }: reference.Sizes): Case {
  const sizes = { batch, heads, queries, keys, headDim };
  const split = (x: Float64Array, rows: number) => reference.unpack(x, 1, heads, rows, headDim)[0];
  const merge = (x: Float64Array, rows: number) => reference.pack([x], heads, rows, headDim);
  const operands = (i: Readonly<Record<string, Float64Array>>) => ({ query: split(i.query, queries),
    key: split(i.key, keys), value: split(i.value, keys) });
  const width = heads * headDim;
  return {
    name: `cross: ${name}`,
    inputs: {
      query: normal(`${name} query`, [batch, queries, width]),
      key: normal(`${name} key`, [batch, keys, width]),
      value: normal(`${name} value`, [batch, keys, width]),
    },
    run: (t) => [crossAttention(t.query as Tensor, t.key as Tensor, t.value as Tensor, heads)],
    reference: (i) => [merge(reference.attention(sizes, operands(i)), queries)],
    gradient: (i, dy) => {
      const d = reference.attentionGradient(sizes, operands(i), split(dy, queries));
      return { query: merge(d.query, queries), key: merge(d.key, keys), value: merge(d.value, keys) };
    },
    ...COMMON,
    ...work(sizes, ['query', 'key', 'value']),
  };
}

export function windowAttentionCase(name: string, shape: readonly number[], size: WindowSize, heads: number): Case {
  const partition = partitionOf(shape, size);
  const { windows, tokens, full } = partition;
  const headDim = shape[shape.length - 1] / heads;
  const sizes = { batch: windows, heads, queries: tokens, keys: tokens, headDim };
  const rows = full.reduce((product, extent) => product * (2 * extent - 1), 1);
  const operands = ({ qkv, table }: Inputs64) => {
    const [query, key, value] = reference.unpack(qkv, 3, heads, tokens, headDim);
    return { query, key, value, mask: windowMasks(table, heads, partition) };
  };
  return {
    name: `windows: ${name}`,
    inputs: { qkv: normal(name, [windows, tokens, 3 * heads * headDim]), table: normal('table', [rows, heads]) },
    run: ({ qkv, table }) => [windowAttention(qkv as Tensor, table as Tensor, heads, partition)],
    reference: (inputs) => [reference.pack([reference.attention(sizes, operands(inputs))], heads, tokens, headDim)],
    gradient: (inputs, dy) => {
      const d = reference.attentionGradient(sizes, operands(inputs),
        reference.unpack(dy, 1, heads, tokens, headDim)[0]);
      return { qkv: reference.pack([d.query, d.key, d.value], heads, tokens, headDim),
        table: tableGradient(d.logit, rows, heads, partition) };
    },
    ...COMMON,
    ...work({ ...sizes, table: rows * heads }, ['qkv', 'table']),
  };
}

/** Hides the keys of [rows, keys] for which `hides` says so. */
export function mask(shape: readonly number[], hidden: number, hides: (row: number, key: number) => boolean): Input {
  const keys = shape[shape.length - 1];
  const size = shape.reduce((a, b) => a * b);
  return values(shape, Array.from({ length: size }, (_, i) => (hides(Math.floor(i / keys), i % keys) ? hidden : 0)));
}

export const room: Room = {
  name: 'attention',
  kernels,
  cases: [
    attentionCase('one query, one key: y = v', { batch: 1, heads: 1, queries: 1, keys: 1, headDim: 16 }),
    attentionCase('fewer queries than lanes, partial blocks of keys', { batch: 2, heads: 3, queries: 5, keys: 13,
      headDim: 16 }),
    attentionCase('more rows than a workgroup, heads of 64', { batch: 1, heads: 1, queries: 70, keys: 67,
      headDim: 64 }),
    attentionCase('heads of 80', { batch: 1, heads: 1, queries: 3, keys: 9, headDim: 80 }),
    attentionCase('heads of 128', { batch: 1, heads: 1, queries: 9, keys: 18, headDim: 128 }),
    attentionCase('heads of 256, the widest, and a mask for each head', { batch: 2, heads: 2, queries: 5, keys: 10,
      headDim: 256 }, { mask: mask([1, 2, 5, 10], Number.NEGATIVE_INFINITY, (row, s) => (row + s) % 4 === 0) }),
    attentionCase('heads of 255, read one by one', { batch: 1, heads: 1, queries: 3, keys: 9, headDim: 255 }),
    attentionCase('heads of 5, read one by one', { batch: 2, heads: 2, queries: 9, keys: 6, headDim: 5 }),
    attentionCase('causal, a length between two blocks', { batch: 2, heads: 1, queries: 19, keys: 19, headDim: 12 }, {
      causal: true,
    }),
    attentionCase('causal, fewer queries than keys: the last keys get no gradient', { batch: 1, heads: 1, queries: 6,
      keys: 21, headDim: 8 }, { causal: true }),
    attentionCase('a mask per sample, −1e9', { batch: 2, heads: 2, queries: 9, keys: 9, headDim: 16 }, {
      mask: mask([2, 1, 9, 9], -1e9, (l, s) => s > l % 9 || (l > 9 && s === 0 && l % 9 > 0)),
    }),
    attentionCase('a mask of −∞ that hides every key of a query', { batch: 2, heads: 1, queries: 10, keys: 7,
      headDim: 8 }, { mask: mask([10, 7], Number.NEGATIVE_INFINITY, (l, s) => l === 3 || (l + s) % 3 === 0) }),
    attentionCase('a mask for each head of each sample, −1e38', { batch: 2, heads: 2, queries: 9, keys: 10,
      headDim: 8 }, {
      mask: mask([2, 2, 9, 10], -1e38, (row, s) => row % 9 === 4 || (row + s) % (2 + Math.floor(row / 9)) === 0),
    }),
    attentionCase('logits of ±100, and a large mean in the values', { batch: 1, heads: 2, queries: 10, keys: 11,
      headDim: 16 }, {
      std: 5,
      value: normal('values far from 0', [1, 2, 11, 16], { mean: 30 }),
      gradientTolerance: { atol: 3e-4, rtol: 1e-5,
        why: 'dweight and delta are of order 100 and cancel, then keys of order 10 multiply their rounding' },
    }),
    {
      ...attentionCase('products beyond the largest f16, all alike', { batch: 1, heads: 1, queries: 3, keys: 5,
        headDim: 16 }, {
        gradientTolerance: { atol: 0.1, rtol: 2e-3,
          why: 'a logSumExp of 20,480 is rounded to 1/1024, so weights are off by 0.1 %; queries are 128' },
      }),
      inputs: { query: values([1, 1, 3, 16], Array(48).fill(128)), key: values([1, 1, 5, 16], Array(80).fill(40)),
        value: normal('value', [1, 1, 5, 16]) },
    },
    attentionCase('four queries a lane: heads of 5, read one by one, ragged blocks', { batch: 1, heads: 2, queries: 37,
      keys: 39, headDim: 5 }),
    attentionCase('four queries a lane: a mask of −∞ that hides every key of a query', { batch: 2, heads: 1,
      queries: 10, keys: 35, headDim: 8 }, {
      mask: mask([10, 35], Number.NEGATIVE_INFINITY, (l, s) => l === 3 || (l + s) % 3 === 0),
    }),
    attentionCase('four queries a lane: logits of ±100, and a large mean in the values', { batch: 1, heads: 1,
      queries: 34, keys: 33, headDim: 16 }, {
      std: 5,
      value: normal('values far from 0', [1, 1, 33, 16], { mean: 30 }),
      gradientTolerance: { atol: 3e-4, rtol: 1e-5,
        why: 'dweight and delta are of order 100 and cancel, then keys of order 10 multiply their rounding' },
    }),
    attentionCase('300 queries, so that the gradient goes in chunks', { batch: 1, heads: 1, queries: 300, keys: 450,
      headDim: 4 }),
    selfAttentionCase('420 tokens in chunks, causal, packed', { batch: 1, heads: 1, tokens: 420, headDim: 4,
      causal: true }),
    selfAttentionCase('messages of 8 frames', { batch: 3, heads: 2, tokens: 8, headDim: 32 }),
    selfAttentionCase('18 tokens', { batch: 4, heads: 2, tokens: 18, headDim: 32 }),
    selfAttentionCase('causal, heads of 24', { batch: 2, heads: 2, tokens: 10, headDim: 24, causal: true }),
    selfAttentionCase('one token', { batch: 2, heads: 1, tokens: 1, headDim: 8 }),
    selfAttentionCase('a message that is only asked', { batch: 3, heads: 2, tokens: 18, queries: 17, headDim: 16 }),
    selfAttentionCase('most tokens only asked, odd heads', { batch: 2, heads: 3, tokens: 11, queries: 2, headDim: 3 }),
    windowAttentionCase('one kind, heads of 3, read one by one', [2, 4, 6, 6], { window: [2, 3] }, 2),
    windowAttentionCase('eight kinds on three axes, padded, more queries than a row of texels has', [2, 3, 9, 7, 16], {
      window: [2, 5, 4],
      shift: [1, 2, 1],
    }, 2),
    windowAttentionCase('a clamped window takes the rows of the full one', [1, 2, 5, 9, 8], { window: [4, 5, 5],
      shift: [2, 2, 2] }, 2),
    crossAttentionCase('4 names look at 17 patches', { batch: 2, heads: 3, queries: 4, keys: 17, headDim: 8 }),
    crossAttentionCase('heads of 3, so that dk and dv need aligning', { batch: 1, heads: 1, queries: 2, keys: 5,
      headDim: 3 }),
  ],
  workloads: [
    workload('tiny, 16 clips: 128 × 2 heads, 18 tokens of 32',
      (name) => selfAttentionCase(name, { batch: 128, heads: 2, tokens: 18, queries: 17, headDim: 32 })),
    workload('tiny, messages of 8 frames: 16 × 2 heads, 8 tokens of 32',
      (name) => selfAttentionCase(name, { batch: 16, heads: 2, tokens: 8, headDim: 32 })),
    workload('B/32: 8 × 12 heads, 51 tokens of 64',
      (name) => selfAttentionCase(name, { batch: 8, heads: 12, tokens: 51, queries: 50, headDim: 64 })),
    workload('96 heads, 50 tokens of 64',
      (name) => attentionCase(name, { batch: 8, heads: 12, queries: 50, keys: 50, headDim: 64 })),
    workload('12 heads, 197 tokens of 64',
      (name) => attentionCase(name, { batch: 1, heads: 12, queries: 197, keys: 197, headDim: 64 })),
    workload('4 heads, 1569 tokens of 64',
      (name) => attentionCase(name, { batch: 1, heads: 4, queries: 1569, keys: 1569, headDim: 64 })),
    workload('CLIP text: 16 × 8 heads, 77 tokens of 64, causal',
      (name) => selfAttentionCase(name, { batch: 16, heads: 8, tokens: 77, headDim: 64, causal: true })),
    workload('Swin: 64 windows × 4 heads, 49 tokens of 32',
      (name) => windowAttentionCase(name, [1, 56, 56, 128], { window: [7, 7], shift: [3, 3] }, 4)),
    workload('Video Swin: 8 windows × 4 heads, 392 tokens of 32',
      (name) => windowAttentionCase(name, [1, 16, 14, 14, 128], { window: [8, 7, 7], shift: [4, 3, 3] }, 4)),
    largeWorkload('384 heads, 50 tokens of 64',
      (name) => attentionCase(name, { batch: 32, heads: 12, queries: 50, keys: 50, headDim: 64 })),
    largeWorkload('96 heads, 197 tokens of 64',
      (name) => attentionCase(name, { batch: 8, heads: 12, queries: 197, keys: 197, headDim: 64 })),
    largeWorkload('16 heads, 1569 tokens of 64',
      (name) => attentionCase(name, { batch: 1, heads: 16, queries: 1569, keys: 1569, headDim: 64 })),
  ],
};
