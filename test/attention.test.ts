import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { backward, open, ShapeError, Tensor } from '../engine/index.ts';
import { room } from '../kernels/attention/cases.ts';
import { attention, crossAttention, selfAttention } from '../kernels/attention/index.ts';
import * as reference from '../kernels/attention/reference.ts';
import { normal } from '../kernels/shared/sample.ts';
import { close } from './close.ts';
import { openWithBindings } from './small_limits.ts';
import { checkAgainstReference, choices, runCase } from './sweep.ts';

const gpu = await open();

function tensor(name: string, shape: readonly number[]): Tensor {
  return Tensor.from(gpu, normal(name, shape).data as Float32Array, shape, name);
}

function refusal(fn: () => unknown): string {
  try {
    fn();
  } catch (error) {
    assert.instance(error, ShapeError);
    return (error as ShapeError).message;
  }
  throw new Error('nothing was thrown');
}

test('wrong shapes are refused with what came and what was expected', () => {
  gpu.scope(() => {
    const query = tensor('query', [1, 2, 3, 8]);
    const key = tensor('key', [1, 2, 5, 8]);
    assert.match(refusal(() => attention(query, key, tensor('value', [1, 2, 4, 8]))), 'query [1,2,3,8], key [1,2,5,8], value [1,2,4,8] must be [B, H, L, Dh]');
    assert.match(refusal(() => attention(query, key, key, { mask: tensor('mask', [5, 3]) })), 'the mask is [5,3], must be one of [3,5], [1,1,3,5]');
    assert.match(refusal(() => selfAttention(tensor('qkv', [1, 3, 16]), 2)), 'qkv must be [B, L, 3·D], got [1,3,16]');
    assert.match(refusal(() => selfAttention(tensor('qkv', [1, 3, 24]), 3)), 'a width of 8 does not split into 3 heads');
    assert.match(refusal(() => crossAttention(tensor('x', [1, 3, 8]), tensor('y', [1, 4, 6]), tensor('y', [1, 4, 6]), 2)), 'must be [B, L, D], [B, S, D], [B, S, D]');
    assert.match(refusal(() => selfAttention(tensor('qkv', [1, 2, 3 * 129]), 1)), 'a head is 129 wide, at most 128');
  });
});

test('a batch larger than a binding goes in pieces, with equal bits', async () => {
  const small = await openWithBindings(50_000);
  const [results, dispatches]: [Float32Array[][], number[]] = [[], []];
  for (const context of [gpu, small]) {
    const shape = [20, 32, 24];
    const qkv = Tensor.from(context, normal('qkv', shape).data as Float32Array, shape, 'qkv');
    qkv.requiresGrad = true;
    const before = context.counts.dispatches;
    const y = selfAttention(qkv, 2, { causal: true });
    backward(y, y.detach());
    dispatches.push(context.counts.dispatches - before);
    results.push((await context.read([y, qkv.grad as Tensor])) as Float32Array[]);
    for (const tensor of [qkv.grad, qkv, y]) tensor?.dispose();
  }
  assert.equal(results[1], results[0]);
  assert.equal(dispatches, [3, 16], 'two pieces forward; seven for the gradient, which keeps weights');
  await small.close();
});

test('weights that a binding cannot hold are not kept but computed again', async () => {
  const small = await openWithBindings(50_000);
  const shape = [2, 2, 40, 8]; // 40 × 48 weights and dlogits of 4 heads take 61,440 bytes, and a mask keeps the batch in one piece
  const results: Float32Array[] = [];
  for (const context of [gpu, small]) {
    const [query, key, value, dy] = ['query', 'key', 'value', 'dy'].map((name) => Tensor.from(context, normal(name, shape).data as Float32Array, shape, name));
    const mask = Tensor.zeros(context, [40, 40]);
    key.requiresGrad = true;
    context.scope(() => backward(attention(query, key, value, { mask }), dy));
    results.push(await (key.grad as Tensor).read());
    for (const tensor of [key.grad, query, key, value, dy, mask]) tensor?.dispose();
  }
  close('dkey', results[1], Float64Array.from(results[0]), { atol: 1e-6, rtol: 1e-5 });
  await small.close();
});

test('one tensor as query, key and value gets the sum of the three gradients', async () => {
  const sizes = { batch: 1, heads: 2, queries: 9, keys: 9, headDim: 8 };
  const x = tensor('x', [1, 2, 9, 8]);
  x.requiresGrad = true;
  const dy = normal('dy', [1, 2, 9, 8]).data as Float32Array;
  gpu.scope(() => backward(attention(x, x, x), Tensor.from(gpu, dy, x.shape)));
  const x64 = Float64Array.from(await x.read());
  const want = reference.attentionGradient(sizes, { query: x64, key: x64, value: x64 }, Float64Array.from(dy));
  close('dx', await (x.grad as Tensor).read(), want.query.map((v, i) => v + want.key[i] + want.value[i]), { atol: 1e-5, rtol: 1e-5 });
  x.grad?.dispose();
  x.dispose();
});

test('inputs that need no gradient get none, and their kernel does not run', async () => {
  const [query, key, value] = [tensor('query', [1, 1, 5, 8]), tensor('key', [1, 1, 6, 8]), tensor('value', [1, 1, 6, 8])];
  query.requiresGrad = true;
  const dispatches = (): number => {
    const before = gpu.counts.dispatches;
    gpu.scope(() => backward(attention(query, key, value), Tensor.zeros(gpu, query.shape)));
    return gpu.counts.dispatches - before;
  };
  assert.is(dispatches(), 2, 'forward, dq');
  assert.is(key.grad, undefined);
  key.requiresGrad = true;
  query.grad?.dispose();
  query.grad = undefined;
  assert.is(dispatches(), 3, 'forward, dq, dk and dv');
  assert.is(value.grad, undefined);
  for (const t of [query.grad, key.grad, query, key, value]) (t as Tensor | undefined)?.dispose();
});

test('equal keys and values: what cancels in the gradients of queries and keys is exactly 0', async () => {
  const [rows, width] = [7, 24];
  const row = normal('row', [width]).data as Float32Array;
  const same = Float32Array.from({ length: rows * width }, (_, i) => row[i % width]);
  const [query, key, value] = [tensor('query', [1, rows, width]), Tensor.from(gpu, same, [1, rows, width]), Tensor.from(gpu, same, [1, rows, width])];
  for (const t of [query, key]) t.requiresGrad = true;
  gpu.scope(() => backward(crossAttention(query, key, value, 3), tensor('dy', query.shape)));
  for (const t of [query, key]) assert.ok((await (t.grad as Tensor).read()).every((v) => v === 0));
  for (const t of [query.grad, key.grad, query, key, value]) t?.dispose();
});

test('the gradients of all keys add up to 0, to a few roundings of their terms', async () => {
  const [rows, width] = [19, 16];
  const [query, key] = ['query', 'key'].map((name) => tensor(name, [1, 1, rows, width]));
  const far = normal('value', [1, 1, rows, width], { mean: 30 }).data as Float32Array; // their mean cancels in every dlogit
  const value = Tensor.from(gpu, far, query.shape);
  key.requiresGrad = true;
  gpu.scope(() => backward(attention(query, key, value), tensor('dy', query.shape)));
  const dkey = await (key.grad as Tensor).read();
  const largest = dkey.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
  for (let c = 0; c < width; c++) {
    let sum = 0;
    for (let s = 0; s < rows; s++) sum += dkey[s * width + c];
    assert.ok(Math.abs(sum) < 8 * 2 ** -23 * largest, `column ${c}: ${sum}, of ${largest}`);
  }
  for (const t of [key.grad, query, key, value]) t?.dispose();
});

test('what is kept for the gradient grows with the tokens, not with their square', () => {
  const kept = (tokens: number): number => {
    const qkv = Tensor.zeros(gpu, [1, tokens, 3 * 64]);
    qkv.requiresGrad = true;
    const before = gpu.pool.live;
    const y = selfAttention(qkv, 4);
    const bytes = gpu.pool.live - before;
    y.dispose();
    assert.is(gpu.pool.live, before, 'all of it is given back');
    qkv.dispose();
    return bytes;
  };
  assert.is(kept(1024), 2 * kept(512));
  assert.is(kept(512), 4 * 512 * (64 + 4), 'y and a logSumExp for each head');
});

test('6,273 tokens: equal logits give the mean of the values', async () => {
  const tokens = 6273;
  const [query, key] = [Tensor.zeros(gpu, [1, 1, 2, 4]), tensor('key', [1, 1, tokens, 4])];
  const ramp = Float32Array.from({ length: tokens * 4 }, (_, i) => Math.floor(i / 4) / tokens);
  const value = Tensor.from(gpu, ramp, [1, 1, tokens, 4]);
  const y = attention(query, key, value);
  close('y', await y.read(), new Float64Array(8).fill((tokens - 1) / 2 / tokens), { atol: 0, rtol: 2e-5 });
  for (const t of [query, key, value, y]) t.dispose();
});

test('the unrolled form that GPUs get agrees with float64 in every variant', async () => {
  const hardware = await open();
  Object.defineProperty(hardware, 'kind', { value: 'hardware' });
  const item = room.cases.find(({ name }) => name.startsWith('cross: heads of 3'));
  assert.ok(item);
  for (const choice of choices(hardware, room)) checkAgainstReference(item, await runCase(hardware, item, choice, 'f32'), 'f32');
  await hardware.close();
});

test.after(() => gpu.close());
test.run();
