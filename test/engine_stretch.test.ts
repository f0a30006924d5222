/** How long work takes as a whole: which clock says so, and what it costs to ask. */
import { test, testIf } from './test.ts';
import * as assert from './assert.ts';
import { backward, FirstlightError, type Gpu, open, type OpenOptions, type Stretch, Tensor } from '../engine/index.ts';
import { timeBetween } from '../engine/stretch.ts';
import { gelu } from '../kernels/gelu/index.ts';
import { openCounting } from './counting_readbacks.ts';
import { openWith } from './faulty_device.ts';
import { here, LACKS } from './this_adapter.ts';

const LEAST = 1e6;
const WITHOUT: OpenOptions = { without: ['timestamp-query'] };

const hasTimestamps = here.features.has('timestamp-query');

function looksRight(stretch: Stretch, clock: Stretch['clock']): void {
  assert.is(stretch.clock, clock);
  assert.ok(Number.isFinite(stretch.nanoseconds) && stretch.nanoseconds > 0);
  assert.ok(Number.isInteger(stretch.launches) && stretch.launches >= 1);
}

for (const [clock, options] of [['timestamps', {}], ['wall', WITHOUT]] as const) {
  const testHere = testIf(clock === 'wall' || hasTimestamps, LACKS.timestamps);

  testHere(`a stretch lasts long enough by ${clock}, and takes its dispatches, one submit and one readback`,
    async () => {
      await using counting = await openCounting(options);
      const { gpu } = counting;
      using x = Tensor.zeros(gpu, [1 << 14]);
      const first = await gpu.stretch(() => void gelu(x, 'gelu'), { least: LEAST });
      looksRight(first, clock);
      assert.ok(first.nanoseconds * first.launches >= LEAST);
      const [before, readbacks] = [{ ...gpu.counts }, counting.readbacks()];
      looksRight(await first.again(), clock);
      assert.is(gpu.counts.dispatches - before.dispatches, first.launches);
      assert.is(gpu.counts.submits - before.submits, Math.ceil(first.launches / 4096) + 1);
      assert.is(gpu.counts.pipelinesCreated, before.pipelinesCreated);
      assert.is(counting.readbacks() - readbacks, 1);
    });

  testHere(`memory by ${clock} does not grow with launches, in a forward and a backward pass`, async () => {
    await using gpu = await open(options);
    using x = Tensor.zeros(gpu, [1 << 12]);
    x.requiresGrad = true;
    using dy = x.like();
    const stretch = await gpu.stretch(() => {
      backward(gelu(x, 'gelu'), dy);
      x.grad?.dispose();
      x.grad = undefined;
    }, { least: LEAST });
    const { live, reserved } = gpu.pool;
    looksRight(await stretch.again(), clock);
    assert.equal([gpu.pool.live, gpu.pool.reserved], [live, reserved]);
  });
}

testIf(hasTimestamps, LACKS.timestamps)(
  'timestamps that are never written are not believed: the host’s clock stands in',
  async () => {
    await using gpu = await openWith((real) => ({
      createCommandEncoder(descriptor: GPUCommandEncoderDescriptor) {
        const encoder = real.createCommandEncoder(descriptor);
        encoder.resolveQuerySet = () => undefined;
        return encoder;
      },
    }));
    using x = Tensor.zeros(gpu, [64]);
    looksRight(await gpu.stretch(() => void gelu(x, 'gelu'), { least: LEAST }), 'wall');
  },
);

test('two timestamps are a time unless they cannot be right', () => {
  const of = (first: bigint, last: bigint, wall: number, dispatches = 10) =>
    timeBetween(BigUint64Array.of(first, last), wall, dispatches);
  assert.is(of(100n, 5_000_100n, 6e6), 5e6);
  assert.is(of(2n ** 62n, 2n ** 62n + 4n, 6e6), 4);
  assert.is(of(100_000n, 100_000n, 1e5), 0, 'rounded to 100 µs');
  assert.is(of(0n, 0n, 6e6), undefined, 'not written');
  assert.is(of(7n, 0n, 6e6), undefined, 'the second not written');
  assert.is(of(9n, 8n, 6e6), undefined, 'backwards');
  assert.is(of(1n, 1_000_000_000n, 6e6), undefined, 'longer than the host waited');
  assert.is(of(100_000n, 100_000n, 6e6, 5000), undefined, 'a clock that stands');
});

test('a work without dispatches, one that fails, and a length that is none are refused, and the context goes on', async () => {
  await using gpu = await open();
  using x = Tensor.zeros(gpu, [64]);
  const nothing = await assert.rejectsWith(() => gpu.stretch(() => undefined), FirstlightError);
  assert.match(nothing.message, 'there is nothing to time');
  let calls = 0;
  const failing = () => {
    gelu(x, 'gelu');
    if (++calls === 2) throw new Error('the second call');
  };
  await assert.rejectsWith(() => gpu.stretch(failing), /the second call/);
  await assert.rejectsWith(() => gpu.stretch(() => undefined, { least: 0 }), /stretch: least is 0/);
  assert.is(gpu.recorder.timer, undefined);
  const before = gpu.pool.live;
  looksRight(await gpu.stretch(() => void gelu(x, 'gelu'), { least: LEAST }), hasTimestamps ? 'timestamps' : 'wall');
  assert.is(gpu.pool.live, before);
});

test('work that is recorded while a stretch is waited for is not a part of it', async () => {
  await using gpu: Gpu = await open();
  using x = Tensor.from(gpu, Float32Array.of(0, 1));
  const waiting = gpu.stretch(() => void gelu(x, 'gelu'), { least: LEAST });
  using y = gelu(x, 'gelu');
  const [values, stretch] = await Promise.all([y.read(), waiting]);
  assert.is(values[0], 0);
  looksRight(stretch, hasTimestamps ? 'timestamps' : 'wall');
});

test.run();
