/** Where rows of an attention lie, and how it is cut where a binding does not hold all of them; nothing here runs. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { dispose, LimitError, ShapeError, Tensor } from '../engine/index.ts';
import { areHeadsApart, checkPlan, denseRows, gradientPlaces, hasListeners, headDimOf, isMasked, isPacked, masksIn,
  masksOf, type Plan, samplesOf, sideBySide, type WindowBias } from '../kernels/attention/plan.ts';
import { bind, cutOf, type Rows } from '../kernels/attention/ranges.ts';
import { nullGpu } from './null_gpu.ts';

/** Four samples of three heads, 64 queries of 8 keys, 4 wide, each head for itself. */
const PLAN: Plan = { op: 'attention', batch: 4, heads: 3, queries: 64, keys: 8, headDim: 4, causal: false,
  query: denseRows(3, 64, 4), key: denseRows(3, 8, 4), output: denseRows(3, 64, 4), keyOffset: 0, valueOffset: 0 };
const SIDE_BY_SIDE: Plan = { ...PLAN, query: sideBySide(64, 12, 4), key: sideBySide(8, 12, 4) };

/** Queries of a plan, where a binding holds so many bytes. */
const rowsOf = (plan: Plan, bytes: number, guardBytes = 0): Rows => ({
  tensor: { gpu: { limits: { maxStorageBufferBindingSize: bytes + guardBytes }, pool: { guardBytes } }, elementBytes: 4,
    bytes: 4 * 4 * 3 * 64 * 4 } as unknown as Tensor,
  strides: plan.query,
  width: 4,
  start: 0,
  of: 'queries',
});

/** How it is cut: samples, heads and queries of each range. */
function cutsOf(plan: Plan, bytes: number,
  ...more: [most?: number, besides?: (heads: number, queries: number) => number]) {
  const { heads, queries, isWhole } = cutOf(plan, [rowsOf(plan, bytes)], ...more);
  const told = ({ start, count }: { start: number; count: number }) => `${start}+${count}`;
  return [isWhole, heads.map(({ batch, heads }) => `${told(batch)} ${told(heads)}`).join(', '),
    queries.map(told).join(' ')];
}

test('rows lie head by head, or side by side, where a head is as far from the next as it is wide', () => {
  assert.equal([denseRows(3, 64, 4), sideBySide(64, 12, 4)], [{ batch: 768, head: 256, row: 4 }, { batch: 768, head: 4,
    row: 12 }]);
  assert.equal([areHeadsApart(PLAN), areHeadsApart(SIDE_BY_SIDE), areHeadsApart({ ...PLAN, key: SIDE_BY_SIDE.key }),
    areHeadsApart({ ...PLAN, query: SIDE_BY_SIDE.query }),
    areHeadsApart({ ...PLAN, query: denseRows(3, 1, 4), key: denseRows(3, 1, 4) })], [true, false, false, false, true]);
  assert.equal([headDimOf('a', 12, 3), headDimOf('a', 12, 1)], [4, 12]);
  for (const heads of [0, -3, 5, 1.5]) {
    assert.throwsWith(() => headDimOf('a', 12, heads), ShapeError,
      `a: a width of 12 does not split into ${heads} heads`);
  }
});

test('what is packed has its gradients in one tensor, else those of keys and values lie one behind the other', () => {
  const packed = { ...SIDE_BY_SIDE, keyOffset: 12, valueOffset: 24 };
  assert.is(isPacked({ ...PLAN, valueOffset: 1 }), true);
  assert.equal([isPacked(PLAN), isPacked(packed), hasListeners(PLAN), hasListeners(packed)], [false, true, false,
    false]);
  assert.equal([hasListeners({ ...packed, queries: 7 }), hasListeners({ ...PLAN, queries: 7 }),
    hasListeners({ ...packed, queries: 8 })], [true, false, false]);
  assert.equal([gradientPlaces(PLAN), gradientPlaces(packed)], [{ key: 0, value: 384 }, { key: 12, value: 24 }]);
  assert.equal(gradientPlaces({ ...PLAN, keys: 9 }), { key: 0, value: 512 },
    '432 elements, at the next place for a view');
});

test('a mask is one for all, or one for each sample, each head, or both', () => {
  const masked = (...shape: number[]): Plan => ({ ...PLAN, mask: { shape } as unknown as Tensor });
  for (const [shape, steps, count] of [[[64, 8], [0, 0, 1], 1], [[1, 1, 64, 8], [0, 0, 1], 1], [[4, 1, 64, 8], [1, 0,
    4], undefined], [[1, 3, 64, 8], [0, 1, 3], 3], [[4, 3, 64, 8], [3, 1, 12], 12]] as const) {
    const { batch, head, count: all } = masksIn(masked(...shape));
    assert.equal([batch, head, all], steps, `[${shape}]`);
    assert.is(masksOf(masked(...shape)), count, `[${shape}]`);
    checkPlan(masked(...shape));
  }
  const two = { ...masked(2, 2, 64, 8), batch: 2, heads: 2 };
  assert.equal([masksIn(two), masksOf(two), masksOf({ ...two, mask: masked(2, 1, 64, 8).mask })], [{ batch: 2, head: 1,
    count: 4 }, 4, undefined]);
  assert.is(masksOf({ ...masked(64, 8), bias: {} as WindowBias }), undefined);
  assert.equal([masksOf(PLAN), isMasked(PLAN), isMasked(masked(64, 8))], [0, false, true]);
  for (const shape of [[8, 64], [64], [3, 64, 8], [2, 1, 64, 8], [1, 2, 64, 8], [3, 4, 64, 8], [1, 1, 64, 9]]) {
    assert.throwsWith(() => checkPlan(masked(...shape)), ShapeError,
      `attention: the mask is [${shape}], must be one of [64,8], [1,1,64,8], [1,3,64,8], [4,1,64,8], [4,3,64,8]`);
  }
  checkPlan({ ...PLAN, headDim: 256 });
  assert.throwsWith(() => checkPlan({ ...PLAN, headDim: 257 }), ShapeError, /a head is 257 wide, at most 256 fit/);
  const turn = { samples: { start: 2, count: 1 },
    kinds: [{ last: 0, windows: 1, first: 0 }, { last: 1, windows: 1, first: 1 }] };
  assert.equal([samplesOf(PLAN), samplesOf({ ...PLAN, turn })], [{ start: 0, count: 4 }, { start: 2, count: 1 }]);
  assert.equal(masksIn({ ...PLAN, turn }), { batch: 3, head: 1, count: 6 });
});

test('an attention is cut into samples, else into heads, else into queries, as few ranges as a binding allows', () => {
  const all = '0+4 0+3';
  assert.equal(cutsOf(PLAN, 12_288), [true, all, '0+64']);
  // of so many elements in a range, and up to 128 before the first of them
  const bytes = (elements: number) => 4 * (elements + 128);
  assert.equal(cutsOf(PLAN, bytes(3 * 768)), [false, '0+3 0+3, 3+1 0+3', '0+64']);
  assert.equal(cutsOf(PLAN, bytes(2 * 768)), [false, '0+2 0+3, 2+2 0+3', '0+64']);
  const each = (...heads: string[]) => [0, 1, 2, 3].flatMap((i) => heads.map((of) => `${i}+1 ${of}`)).join(', ');
  assert.equal(cutsOf(PLAN, bytes(2 * 768) - 1), [false, each('0+3'), '0+64']);
  assert.equal(cutsOf(PLAN, bytes(2 * 256)), [false, each('0+2', '2+1'), '0+64']);
  assert.equal(cutsOf(PLAN, bytes(256)), [false, each('0+1', '1+1', '2+1'), '0+64']);
  assert.equal(cutsOf(PLAN, bytes(48 * 4)), [false, each('0+1', '1+1', '2+1'), '0+48 48+16']);
  assert.equal(cutsOf(PLAN, bytes(48 * 4) - 1), [false, each('0+1', '1+1', '2+1'), '0+32 32+32']);
  assert.equal(cutsOf(PLAN, bytes(16 * 4))[2], '0+16 16+16 32+16 48+16');
  assert.is(assert.throwsWith(() => cutsOf(PLAN, bytes(16 * 4) - 1), LimitError).message,
    'attention: a head of 8 keys, 4 wide, needs maxStorageBufferBindingSize of 768, this device has 767');
  assert.match(assert.throwsWith(() => cutOf(PLAN, [rowsOf(PLAN, 767, 256)]), LimitError).message,
    /of 1,024, this device has 1,023$/, 'guards are bound, too');
});

test('heads that lie side by side stay together', () => {
  const bytes = (elements: number) => 4 * (elements + 128);
  const each = '0+1 0+3, 1+1 0+3, 2+1 0+3, 3+1 0+3';
  assert.equal(cutsOf(SIDE_BY_SIDE, bytes(768)), [false, each, '0+64']);
  assert.equal(cutsOf(SIDE_BY_SIDE, bytes(767)), [false, each, '0+48 48+16']);
  assert.match(assert.throwsWith(() => cutsOf(SIDE_BY_SIDE, 1000), LimitError).message,
    /^attention: a sample, whose 3 heads lie side by side, of 8 keys, 4 wide, needs .* of 1,280, this device has 1,000/);
});

test('a dispatch has no more queries than it may, and room for what it makes', () => {
  assert.equal(cutsOf(PLAN, 12_288, 40), [true, '0+4 0+3', '0+40 40+24']);
  const made = (heads: number, queries: number) => 8 * heads * queries;
  // 12 heads of 64 queries make 6144 bytes, 3 make 1536, 2 make 1024
  assert.equal(cutsOf({ ...PLAN, batch: 1 }, 12_288, 64, (heads, queries) => 8 * made(heads, queries)), [true,
    '0+1 0+3', '0+64']);
  assert.equal(cutsOf(PLAN, 12_288, 64, (heads, queries) => 4 * made(heads, queries))[1], '0+2 0+3, 2+2 0+3');
  assert.equal(cutsOf({ ...PLAN, batch: 1 }, 12_288, 64, (heads, queries) => 12 * made(heads, queries))[1],
    '0+1 0+2, 0+1 2+1');
});

test('what is bound begins where a binding may, and ends with the last row', async () => {
  const gpu = await nullGpu();
  using query = Tensor.empty(gpu, [4, 3, 64, 4], 'f32', 'query');
  using key = Tensor.empty(gpu, [4, 3, 8, 4], 'f32', 'key');
  const rows = {
    query: { tensor: query, strides: PLAN.query, width: 4, start: 0, of: 'queries' },
    key: { tensor: key, strides: PLAN.key, width: 4, start: 0, of: 'keys' },
  } as const;
  const at = (batch: number, heads: number, queries: number, isWhole: boolean) => {
    const bound = bind(PLAN, rows, { batch: { start: batch, count: 2 }, heads: { start: heads, count: 1 } }, {
      start: queries,
      count: 16,
    }, isWhole);
    const told = Object.entries(bound.tensors).map(([name, { byteOffset, size }]) =>
      `${name} ${byteOffset} ${size} ${bound.offsets[name]}`
    );
    bound[dispose]();
    return told;
  };
  assert.equal(at(1, 2, 16, true), ['query 0 3072 1344', 'key 0 384 160']);
  // from 1344 and 160 on, of which 1280 and 128 are the places before; to the end of the second sample's rows
  assert.equal(at(1, 2, 16, false), ['query 5120 896 64', 'key 512 160 32']);
  assert.equal([query.isDisposed, gpu.pool.live], [false, query.bytes + key.bytes]);
});

test.run();
