/** How long work takes as a whole: which clock says so, and what it costs to ask. */
import { test, testIf } from './test.ts';
import * as assert from './assert.ts';
import { backward, FirstlightError, type Gpu, open, type OpenOptions, type Stretch, Tensor } from '../engine/index.ts';
import type { Dispatch, PassTimer } from '../engine/recorder.ts';
import { stretch, timeBetween } from '../engine/stretch.ts';
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

/** A context whose device takes so many nanoseconds for each dispatch and for each wait, by either clock. */
function slowContext(dispatch: number, wait: number, clock: Stretch['clock']) {
  const waits: number[] = [];
  let [dispatches, now] = [0, 0];
  const recorder = { timer: undefined as PassTimer | undefined, flush: () => recorder.timer?.noteSubmit() };
  const gpu = {
    recorder,
    features: new Set(clock === 'timestamps' ? ['timestamp-query'] : []),
    pace: { isBusy: false },
    buffers: { create: () => ({}), destroy: () => undefined },
    device: { createQuerySet: () => ({ destroy: () => undefined }) },
    attempt: <T>(make: () => T) => make(),
    scope: <T>(work: () => T) => work(),
    sync: () => gpu.readBuffers([]),
    readBuffers(ranges: readonly unknown[]) {
      const elapsed = dispatches * dispatch;
      now += (elapsed + wait) / 1e6;
      waits.push(dispatches);
      dispatches = 0;
      return Promise.resolve(ranges.map(() => BigUint64Array.of(5n, 5n + BigInt(elapsed)).buffer));
    },
  };
  const work = () => {
    dispatches++;
    recorder.timer?.stamp({ label: 'k', settings: 's', grid: [1, 1, 1] } as unknown as Dispatch);
  };
  return { gpu: gpu as unknown as Gpu, work, waits, now: () => now };
}

test('launches grow eightfold at most, and at least twofold, until they last a little longer than they must', async () => {
  const { now } = performance;
  try {
    for (const [clock, nanoseconds, wait, least, launches] of [
      // a fifth more than should do, of what is far too short eight times as many
      ['timestamps', 1000, 0, 5e6, [1, 8, 64, 512, 4096, 8192]],
      ['timestamps', 1e6, 0, 5e6, [1, 6]],
      ['timestamps', 4e6, 0, 5e6, [1, 2]],
      ['timestamps', 5e6, 0, 5e6, [1]],
      ['timestamps', 5e6, 0, undefined, [1]],
      ['timestamps', 4_999_999, 0, undefined, [1, 2]],
      // ten times as long as an empty one, which takes a millisecond at least
      ['wall', 1e6, 0, 5e6, [1, 0, 8, 16]],
      ['wall', 20e6, 0, 5e6, [1, 0]],
      ['wall', 5e6, 0, 30e6, [1, 0, 8]],
      ['wall', 1e6, 4e6, 5e6, [1, 0, 8, 32, 64]],
    ] as const) {
      const { gpu, work, waits, now: clockOf } = slowContext(nanoseconds, wait, clock);
      performance.now = clockOf;
      const result = await stretch(gpu, work, { least });
      assert.equal(waits, [1, ...launches], `${clock}, ${nanoseconds} ns of ${least}, behind the launch before them`);
      assert.equal([result.clock, result.launches], [clock, waits.at(-1) || 1]);
      assert.is(Math.round(result.nanoseconds), nanoseconds + wait / result.launches);
    }
  } finally {
    performance.now = now;
  }
});

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
