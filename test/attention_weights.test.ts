/** Attention step by step, with its weights, beside the kernel that streams over them. */
import { open, Random, Tensor } from '../engine/index.ts';
import { selfAttention } from '../kernels/attention/index.ts';
import { attentionWeights } from '../model/parts/attention_weights.ts';
import * as assert from './assert.ts';
import { close } from './close.ts';
import { test } from './test.ts';

const gpu = await open();
test.after(() => gpu.close());

const [SAMPLES, TOKENS, HEADS, HEAD_DIM] = [2, 5, 3, 6];
const WIDTH = HEADS * HEAD_DIM;

/** Queries, keys and values of all tokens, packed. @param valueOf a number of a value, of a token, in its head */
function packed(valueOf: (token: number, place: number) => number): Tensor {
  const random = new Random(1, 'attention weights');
  const numbers = Float32Array.from({ length: SAMPLES * TOKENS * 3 * WIDTH }, (_, at) => {
    const [token, column] = [Math.floor(at / (3 * WIDTH)) % TOKENS, at % (3 * WIDTH)];
    const value = random.normal();
    return column < 2 * WIDTH ? 2 * value : valueOf(token, column % HEAD_DIM);
  });
  return Tensor.from(gpu, numbers, [SAMPLES, TOKENS, 3 * WIDTH]);
}

for (const { queries, causal } of [{ queries: TOKENS, causal: false }, { queries: 2, causal: false }, {
  queries: TOKENS,
  causal: true,
}]) {
  const what = `${queries} of ${TOKENS} tokens ask${causal ? ', causally' : ''}`;
  test(`weights · v is what the streaming kernel gives, and each row adds up to 1: ${what}`, async () => {
    const random = new Random(2, 'values');
    const qkv = packed(() => random.normal());
    const { weights, attended } = attentionWeights({ qkv, heads: HEADS, queries, causal });
    const streamed = selfAttention(qkv, HEADS, { causal, queries });
    assert.equal(attended.shape, streamed.shape);
    close('weights · v', await attended.read(), Float64Array.from(await streamed.read()), { atol: 1e-5, rtol: 0 });
    assert.equal(weights.shape, [SAMPLES, HEADS, queries, TOKENS]);
    const rows = await weights.read();
    const sums = Float64Array.from({ length: rows.length / TOKENS }, (_, row) =>
      rows.subarray(row * TOKENS, (row + 1) * TOKENS).reduce((a, b) => a + b));
    close('sums of rows', sums, new Float64Array(sums.length).fill(1), { atol: 1e-6, rtol: 0 });
  });

  test(`where a value says whose it is, the streaming kernel gives the weights themselves: ${what}`, async () => {
    const qkv = packed((token, place) => Number(token === place));
    const weights = await attentionWeights({ qkv, heads: HEADS, queries, causal }).weights.read();
    const streamed = await selfAttention(qkv, HEADS, { causal, queries }).read();
    // [B, H, queries, L] from [B, queries, H, Dh]
    const told = Float64Array.from(weights, (_, at) => {
      const [key, query] = [at % TOKENS, Math.floor(at / TOKENS) % queries];
      const [head, sample] = [Math.floor(at / TOKENS / queries) % HEADS, Math.floor(at / TOKENS / queries / HEADS)];
      return streamed[((sample * queries + query) * HEADS + head) * HEAD_DIM + key];
    });
    close('weights', weights, told, { atol: 1e-6, rtol: 0 });
  });
}

test('what does not hold whole heads is refused', () => {
  const qkv = packed(() => 0);
  assert.throwsWith(() => attentionWeights({ qkv, heads: 4, queries: 1, causal: false }), /3 · 4 heads/);
});

test.run();
