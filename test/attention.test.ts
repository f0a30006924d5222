import { test, testIf } from './test.ts';
import * as assert from './assert.ts';
import { backward, type FloatType, type Gpu, LimitError, noGrad, open, ShapeError, Tensor } from '../engine/index.ts';
import { room } from '../kernels/attention/cases.ts';
import { attention, crossAttention, partitionOf, selfAttention, windowAttention } from '../kernels/attention/index.ts';
import * as reference from '../kernels/attention/reference.ts';
import { normal } from '../kernels/shared/sample.ts';
import { runCase } from '../kernels/checking/run_case.ts';
import { candidateName, combinations, Runs } from '../kernels/checking/runs.ts';
import { close } from './close.ts';
import { openWithBindings } from './small_limits.ts';
import { checkAgainstReference } from './sweep.ts';

const gpu = await open();

function tensor(name: string, shape: readonly number[]): Tensor {
  return Tensor.from(gpu, normal(name, shape).data as Float32Array, shape, name);
}

const refusal = (run: () => unknown) => assert.throwsWith(run, ShapeError).message;

test('wrong shapes are refused with what came and what was expected', () => {
  gpu.scope(() => {
    const query = tensor('query', [1, 2, 3, 8]);
    const key = tensor('key', [1, 2, 5, 8]);
    assert.match(refusal(() => attention(query, key, tensor('value', [1, 2, 4, 8]))),
      'query [1,2,3,8], key [1,2,5,8], value [1,2,4,8] must be [B, H, L, Dh]');
    assert.match(refusal(() => attention(query, key, key, { mask: tensor('mask', [5, 3]) })),
      'the mask is [5,3], must be one of [3,5], [1,1,3,5], [1,2,3,5]');
    assert.match(refusal(() => selfAttention(tensor('qkv', [1, 3, 16]), 2)), 'qkv must be [B, L, 3·D], got [1,3,16]');
    assert.match(refusal(() => selfAttention(tensor('qkv', [1, 3, 24]), 3)),
      'a width of 8 does not split into 3 heads');
    assert.match(
      refusal(() => crossAttention(tensor('x', [1, 3, 8]), tensor('y', [1, 4, 6]), tensor('y', [1, 4, 6]), 2)),
      'must be [B, L, D], [B, S, D], [B, S, D]',
    );
    assert.match(refusal(() => selfAttention(tensor('qkv', [1, 2, 3 * 257]), 1)), 'a head is 257 wide, at most 256');
  });
});

test('a mask that wants a gradient is an error that says what to do; where nothing is recorded it is a mask like any other', () => {
  gpu.scope(() => {
    const query = tensor('query', [1, 1, 3, 4]);
    const mask = tensor('mask', [3, 3]);
    mask.requiresGrad = true;
    assert.throwsWith(() => attention(query, query, query, { mask }), { code: 'FL_NO_GRADIENT',
      hint: /mask\.detach\(\)/ });
    noGrad(() => attention(query, query, query, { mask }));
    attention(query, query, query, { mask: mask.detach() });
  });
});

test('only −∞ in a mask hides: NaN and +∞ there come out as NaN, in their own row', async () => {
  const query = tensor('query', [1, 1, 3, 4]);
  const mask = Tensor.from(gpu,
    Float32Array.of(0, Number.NaN, 0, 0, Number.POSITIVE_INFINITY, 0, 0, Number.NEGATIVE_INFINITY, 0), [3, 3]);
  const y = attention(query, query, query, { mask });
  assert.equal([...(await y.read())].map(Number.isNaN), [...Array(8).fill(true), ...Array(4).fill(false)]);
  for (const t of [query, mask, y]) t.dispose();
});

// ------------------------------------------------------------------------------------------------ bindings smaller
//  than tensors

const small = await openWithBindings(16_384);

/** Shapes of the operands of an attention, those that get a gradient, and how it is called. */
interface Call {
  readonly inputs: Readonly<Record<string, readonly number[]>>;
  readonly wrt: readonly string[];
  readonly run: (inputs: Readonly<Record<string, Tensor>>) => Tensor;
}

const separate = ['query', 'key', 'value'] as const;
const byHead = (
  call: { readonly query: readonly number[]; readonly key: readonly number[]; readonly mask?: readonly number[];
    readonly causal?: boolean },
): Call => ({
  inputs: { query: call.query, key: call.key, value: call.key, ...(call.mask && { mask: call.mask }) },
  wrt: separate,
  run: ({ query, key, value, mask }) => attention(query, key, value, { mask, causal: call.causal }),
});
const calls = {
  samples: { inputs: { qkv: [20, 16, 48] }, wrt: ['qkv'],
    run: ({ qkv }) => selfAttention(qkv, 2, { causal: true, queries: 15 }) },
  heads: byHead({ query: [2, 7, 20, 32], key: [2, 7, 20, 32], mask: [2, 7, 20, 20] }),
  queries: byHead({ query: [1, 2, 200, 8], key: [1, 2, 40, 8], mask: [200, 40], causal: true }),
  'queries of heads side by side': { inputs: { query: [1, 300, 16], key: [1, 10, 16], value: [1, 10, 16] },
    wrt: separate, run: ({ query, key, value }) => crossAttention(query, key, value, 2) },
} satisfies Readonly<Record<string, Call>>;

/** y and the gradients of a call, and the dispatches of both directions. */
async function runCall(context: Gpu, { inputs, wrt, run }: Call, type: FloatType = 'f32') {
  const tensors = Object.fromEntries(Object.entries(inputs).map(([name, shape]) => {
    const input = Tensor.empty(context, shape, type, name);
    input.write(normal(name, shape).data as Float32Array);
    input.requiresGrad = wrt.includes(name);
    return [name, input];
  }));
  const before = context.counts.dispatches;
  const y = run(tensors);
  const forward = context.counts.dispatches - before;
  using seed = y.detach();
  backward(y, seed);
  const dispatches = [forward, context.counts.dispatches - before - forward];
  const results = [y, ...wrt.map((name) => tensors[name].grad as Tensor)];
  const values = (await context.read(results)) as Float32Array[];
  for (const tensor of [...results, ...Object.values(tensors)]) tensor.dispose();
  return { values, dispatches };
}

for (const [what, dispatches] of Object.entries({ samples: [4, 20], heads: [4, 12], queries: [6, 28],
  'queries of heads side by side': [2, 20] })) {
  test(`what is larger than a binding goes in pieces of ${what}, with the results of one piece`, async () => {
    const call = calls[what as keyof typeof calls];
    const [whole, cut] = [await runCall(gpu, call), await runCall(small, call)];
    assert.equal(cut.dispatches, dispatches);
    whole.values.forEach((values, i) => {
      // of dk and dv the sums over several ranges of the queries are added up in another order
      const isSum = what.startsWith('queries') && i >= 2;
      if (isSum) close(`${what}: ${i}`, cut.values[i], Float64Array.from(values), { atol: 1e-6, rtol: 1e-5 });
      else assert.equal(cut.values[i], values, `${what}: ${i}`);
    });
  });
}

test('windows whose masks no binding holds together take turns, kind by kind, with the results of one turn', async () => {
  const partition = partitionOf([1, 12, 16, 16], { window: [4, 8], shift: [2, 4] });
  const call: Call = { inputs: { qkv: [6, 32, 48], table: [105, 2] }, wrt: ['qkv', 'table'],
    run: ({ qkv, table }) => windowAttention(qkv, table, 2, partition) };
  const [whole, cut] = [await runCall(gpu, call), await runCall(small, call)];
  assert.equal(cut.values[0], whole.values[0]);
  for (const i of [1, 2]) {
    close(`gradient ${i}`, cut.values[i], Float64Array.from(whole.values[i]), { atol: 1e-6, rtol: 1e-5 });
  }
  assert.is(whole.dispatches[0], 2, 'masks, and attention');
  // a binding holds masks of two kinds, and two windows: the first turn has four, the second two
  assert.is(cut.dispatches[0], 5, 'masks and two ranges of windows, then masks and one');
});

test('ranges of the queries add up in every variant', async () => {
  const want = (await runCall(gpu, calls.queries)).values;
  for (const chosen of combinations(small, room)) {
    for (const [kernel, way] of chosen) small.candidates.prefer(kernel, way);
    (await runCall(small, calls.queries)).values.forEach((values, i) =>
      close(`${candidateName(chosen)}: ${i}`, values, Float64Array.from(want[i]), { atol: 3e-6, rtol: 1e-5 })
    );
    small.candidates.clear();
  }
});

testIf(gpu.features.has('shader-f16'), 'the adapter lacks shader-f16')(
  'of ranges of queries in f16 the sums are rounded once',
  async () => {
    const [whole, cut] = [await runCall(gpu, calls.queries, 'f16'), await runCall(small, calls.queries, 'f16')];
    whole.values.forEach((values, i) =>
      close(`f16: ${i}`, cut.values[i], Float64Array.from(values), { atol: 1e-6, rtol: 2 ** -10 })
    );
  },
);

test('keys and values of one head that no binding holds are an error that says so', () => {
  const need = (call: Call) => () =>
    small.scope(() =>
      call.run(
        Object.fromEntries(
          Object.entries(call.inputs).map(([name, shape]) => [name, Tensor.empty(small, shape, 'f32')]),
        ),
      )
    );
  const hint = /use a shorter sequence/;
  assert.throwsWith(need(byHead({ query: [1, 2, 4, 8], key: [1, 2, 1000, 8] })), LimitError,
    /^attention: a head of 1000 keys, 8 wide, needs maxStorageBufferBindingSize of 32,512, this device has 16,384$/, {
    hint,
  });
  assert.throwsWith(need({ inputs: { qkv: [1, 100, 48] }, wrt: [], run: ({ qkv }) => selfAttention(qkv, 2) }),
    LimitError, /^selfAttention: a sample, whose 2 heads lie side by side, of 100 keys, 8 wide, needs/, { hint });
});

test('one tensor as query, key and value gets the sum of the three gradients', async () => {
  const sizes = { batch: 1, heads: 2, queries: 9, keys: 9, headDim: 8 };
  const x = tensor('x', [1, 2, 9, 8]);
  x.requiresGrad = true;
  const dy = normal('dy', [1, 2, 9, 8]).data as Float32Array;
  gpu.scope(() => backward(attention(x, x, x), Tensor.from(gpu, dy, x.shape)));
  const x64 = Float64Array.from(await x.read());
  const want = reference.attentionGradient(sizes, { query: x64, key: x64, value: x64 }, Float64Array.from(dy));
  close('dx', await (x.grad as Tensor).read(), want.query.map((v, i) => v + want.key[i] + want.value[i]), { atol: 1e-5,
    rtol: 1e-5 });
  x.grad?.dispose();
  x.dispose();
});

test('inputs that need no gradient get none, and their kernel does not run', async () => {
  const [query, key, value] = [tensor('query', [1, 1, 5, 8]), tensor('key', [1, 1, 6, 8]),
    tensor('value', [1, 1, 6, 8])];
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
  const [query, key, value] = [tensor('query', [1, rows, width]), Tensor.from(gpu, same, [1, rows, width]),
    Tensor.from(gpu, same, [1, rows, width])];
  for (const t of [query, key]) t.requiresGrad = true;
  gpu.scope(() => backward(crossAttention(query, key, value, 3), tensor('dy', query.shape)));
  for (const t of [query, key]) assert.ok((await (t.grad as Tensor).read()).every((v) => v === 0));
  for (const t of [query.grad, key.grad, query, key, value]) t?.dispose();
});

test('the gradients of all keys add up to 0, to a few roundings of their terms', async () => {
  const [rows, width] = [19, 16];
  const [query, key] = ['query', 'key'].map((name) => tensor(name, [1, 1, rows, width]));
  // their mean cancels in every dlogit
  const far = normal('value', [1, 1, rows, width], { mean: 30 }).data as Float32Array;
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

test('equal logits of 6,273 tokens give the mean of the values', async () => {
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
  for (const chosen of new Runs(hardware, room).of(room.cases.indexOf(item))) {
    checkAgainstReference(item, await runCase(hardware, item, chosen, 'f32'), 'f32');
  }
  await hardware.close();
});

test('only a mask hides: a query whose logits are all −2e37 gives the mean of the values', async () => {
  const filled = (rows: number, value: number) =>
    Tensor.from(gpu, new Float32Array(4 * rows).fill(value), [1, 1, rows, 4]);
  const [query, key, value] = [filled(1, -1e18), filled(9, 1e19), tensor('value', [1, 1, 9, 4])];
  const y = attention(query, key, value);
  const values = (await value.read()) as Float32Array;
  const means = Float64Array.from({ length: 4 },
    (_, c) => values.filter((_, i) => i % 4 === c).reduce((a, b) => a + b) / 9);
  close('y', await y.read(), means, { atol: 1e-6, rtol: 1e-6 });
  for (const t of [query, key, value, y]) t.dispose();
});

test.after(async () => {
  await gpu.close();
  await small.close();
});
test.run();
