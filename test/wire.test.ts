/** Numbers for the wire: the host adds them as a GPU does. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { accumulate, open, Random, ShapeError, Tensor } from '../engine/index.ts';
import { addPacked, BLOCK, pack, packedLike, RECORD, roundAsPacked, unpack } from '../kernels/wire/index.ts';

const gpu = await open();
const BLOCKS = 5;

const numbers = (name: string) => {
  const random = new Random(3, name);
  return Float32Array.from({ length: BLOCKS * BLOCK },
    (_, i) => (i < BLOCK ? 0 : random.normal() * 2 ** (random.below(40) - 20)));
};
const tensor = (data: Float32Array) => gpu.keep(Tensor.from(gpu, data));
const bitsOf = (values: Float32Array) => new Uint32Array(values.buffer, values.byteOffset, values.length);

async function packed(x: Tensor): Promise<Uint32Array> {
  using own = packedLike(x);
  pack(x, own);
  return (await own.read()).slice();
}

async function unpacked(words: Uint32Array): Promise<Uint32Array> {
  using own = Tensor.from(gpu, words, [BLOCKS, RECORD]);
  using x = Tensor.zeros(gpu, [BLOCKS * BLOCK]);
  unpack(own, x);
  return bitsOf((await x.read()) as Float32Array);
}

test('a sum on the host has the bits of one on the GPU, and what was rounded stays as it is', async () => {
  const [a, b] = [tensor(numbers('a')), tensor(numbers('b'))];
  for (const each of [a, b]) roundAsPacked(each);
  const [first, second] = [await packed(a), await packed(b)];
  assert.equal(await unpacked(first), bitsOf((await a.read()) as Float32Array), 'rounded once');
  addPacked(first, second);
  accumulate(b, a);
  roundAsPacked(b);
  assert.equal(second, await packed(b));
});

test('a block with a NaN or an infinity is NaN, and stays so in sums; no other one is', async () => {
  const own = numbers('a');
  [own[BLOCK], own[3 * BLOCK + 7]] = [Number.NaN, Number.NEGATIVE_INFINITY];
  own.fill(3e38, 4 * BLOCK);
  const words = await packed(tensor(own));
  const areNaN = async (packed: Uint32Array) => {
    const values = new Float32Array((await unpacked(packed)).buffer);
    return Array.from({ length: BLOCKS }, (_, block) => Number.isNaN(values[block * BLOCK + 9]));
  };
  assert.equal(await areNaN(words), [false, true, false, true, false]);
  const sum = words.slice();
  addPacked(words, sum);
  assert.equal(await areNaN(sum), [false, true, false, true, true]);
});

test('what makes no blocks, or does not fit, is refused', () => {
  using x = Tensor.zeros(gpu, [BLOCK]);
  using y = packedLike(x);
  assert.throwsWith(() => pack(Tensor.zeros(gpu, [BLOCK + 1]), y), ShapeError, /\[1025\] from block 0 on does not fit/);
  assert.throwsWith(() => unpack(y, x, 1), ShapeError, /from block 1 on does not fit/);
});

test.after(() => gpu.close());
test.run();
