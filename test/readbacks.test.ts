/** One readback for each question, however much it asks for: some browsers take 100 ms for every one of them. */
import { test, testIf } from './test.ts';
import * as assert from './assert.ts';
import { type Gpu, History, type OpenOptions, Tensor } from '../engine/index.ts';
import { gelu } from '../kernels/gelu/index.ts';
import { openCounting } from './counting_readbacks.ts';
import { here, LACKS } from './this_adapter.ts';

/** Readbacks that `work` takes. */
async function readbacksOf(work: (gpu: Gpu) => Promise<unknown>, options: OpenOptions = {}): Promise<number> {
  await using counting = await openCounting(options);
  await work(counting.gpu);
  return counting.readbacks();
}

test('several tensors, a number, a wait, and what steps reported are one readback each', async () => {
  assert.is(await readbacksOf(async (gpu) => {
    const tensors = [1, 2, 3].map((n) => Tensor.zeros(gpu, [n]));
    assert.equal((await gpu.read(tensors)).map(({ length }) => length), [1, 2, 3]);
  }), 1);
  assert.is(await readbacksOf((gpu) => gelu(Tensor.zeros(gpu, []), 'gelu').item()), 1);
  assert.is(await readbacksOf((gpu) => gpu.sync()), 1);
  assert.is(await readbacksOf(async (gpu) => {
    using history = new History(gpu, 4, 2);
    await history.read(0, 0);
  }), 1);
});

test('guards around any number of tensors are one readback, and who wrote outside is named still', async () => {
  assert.is(await readbacksOf(async (gpu) => {
    const x = Tensor.zeros(gpu, [5]);
    for (let i = 0; i < 4; i++) gpu.scope(() => void gelu(x, 'gelu'));
    await gpu.checkGuards();
  }, { guard: true }), 1);
});

testIf(here.features.has('timestamp-query'), LACKS.timestamps)(
  'a profile of more dispatches than a set of timestamps holds is one readback, and has every one of them',
  async () => {
    let profiled = 0;
    assert.is(await readbacksOf(async (gpu) => {
      const x = Tensor.zeros(gpu, [4]);
      const times = await gpu.profile(() => {
        for (let i = 0; i < 2100; i++) gpu.scope(() => void gelu(x, 'gelu'));
      });
      profiled = times.length;
      assert.ok(times.every(({ start }, i) => i === 0 || start >= times[i - 1].start));
    }), 1);
    assert.is(profiled, 2100);
  },
);

test.run();
