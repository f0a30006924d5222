/** How work is cut where a binding does not hold all of a tensor; nothing here needs a GPU. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { type Context, Tensor } from '../engine/index.ts';
import { alignmentOf, BINDING_ALIGNMENT, ELEMENT_ALIGNMENT, gcd, inRanges, largestFitting,
  rangesOf } from '../engine/ranges.ts';
import { nullGpu } from './null_gpu.ts';

/** A context of which a binding holds so many words of 4 bytes. */
const ofWords = (words: number, guardBytes = 0) =>
  ({ limits: { maxStorageBufferBindingSize: 4 * words + guardBytes }, pool: { guardBytes } }) as unknown as Context;

test('what fits to its last word is one range, one word more is two; each is whole, in order, and fits', () => {
  for (const guard of [0, 256]) {
    const gpu = ofWords(512, guard);
    assert.equal(rangesOf(gpu, 512), [{ start: 0, count: 512 }]);
    assert.equal(rangesOf(gpu, 513), [{ start: 0, count: 512 }, { start: 512, count: 1 }]);
    assert.equal(rangesOf(gpu, 1024), [{ start: 0, count: 512 }, { start: 512, count: 512 }]);
  }
  for (const words of [512, 640, 1000]) {
    for (const row of [1, 2, 3, 5]) {
      const alignment = alignmentOf([4 * row]);
      for (let n = 1; n < 1500; n += 37) {
        const ranges = rangesOf(ofWords(words), n, row, alignment);
        let next = 0;
        for (const { start, count } of ranges) {
          assert.is(start, next);
          assert.ok(count > 0 && count * row <= words, `${count} rows of ${row} in ${words}`);
          assert.is((4 * row * start) % BINDING_ALIGNMENT, 0);
          next += count;
        }
        assert.is(next, n);
      }
    }
  }
});

test('alignment counts where there are several ranges: then the operand that asks for most decides', () => {
  assert.equal([alignmentOf([4]), alignmentOf([4, 512]), alignmentOf([512, 12, 8]), alignmentOf([256])], [64, 64, 64,
    1]);
  assert.equal(rangesOf(ofWords(1000), 1000), [{ start: 0, count: 1000 }]);
  assert.equal(rangesOf(ofWords(1000), 1001), [{ start: 0, count: 896 }, { start: 896, count: 105 }]);
  assert.equal(rangesOf(ofWords(600), 2, 600, 1), [{ start: 0, count: 1 }, { start: 1, count: 1 }]);
  assert.equal(rangesOf(ofWords(600), 4, 1, 1, 3), [{ start: 0, count: 3 }, { start: 3, count: 1 }],
    'three are allowed');
  assert.is(largestFitting(7, () => true), 7);
});

test('a row that no binding holds goes as it is, and the largest number that fits is found at both ends', () => {
  assert.equal(rangesOf(ofWords(512), 3, 600), [{ start: 0, count: 3 }]);
  for (const most of [1, 2, 7]) {
    for (let fitting = 0; fitting <= most; fitting++) {
      assert.is(largestFitting(most, (n) => n <= fitting), fitting, `${fitting} of ${most}`);
    }
  }
});

test('tensors of rows of other lengths and types are cut together, each range where all may begin', async () => {
  const gpu = await nullGpu();
  // rows of 12 and of 4 bytes; of 1024 words a binding holds 341 of them, which begin at 64, 128, …
  const small = { ...ofWords(1024), scope: <T>(work: () => T) => gpu.scope(work) } as unknown as Context;
  const cut = (n: number, multiple?: number, most?: number, context = small) => {
    using a = Tensor.empty(gpu, [n, 3], 'f32', 'a');
    using b = Tensor.empty(gpu, [2, n], 'f16', 'b');
    const seen: string[] = [];
    inRanges(context, n, { a, b }, (some, count, start) => {
      seen.push(
        `${start}+${count}: ${some.a.shape} at ${some.a.byteOffset}, ${some.b.shape} at ${some.b.byteOffset}`,
      );
      return some.a === a;
    }, multiple, most);
    return seen;
  };
  assert.equal(cut(341), ['0+341: 341,3 at 0, 2,341 at 0'], 'the tensors themselves');
  assert.equal(cut(342), ['0+320: 960 at 0, 640 at 0', '320+22: 66 at 3840, 44 at 1280']);
  assert.equal(cut(342, 96), ['0+192: 576 at 0, 384 at 0', '192+150: 450 at 2304, 300 at 768']);
  assert.equal(cut(130, 1, 100), ['0+64: 192 at 0, 128 at 0', '64+64: 192 at 768, 128 at 256',
    '128+2: 6 at 1536, 4 at 512']);
  assert.equal(cut(70, 1, 70), ['0+70: 70,3 at 0, 2,70 at 0']);
  assert.equal([gcd(12, 256), gcd(256, 12), gcd(7, 0), ELEMENT_ALIGNMENT], [4, 4, 7, 128]);
});

test.run();
