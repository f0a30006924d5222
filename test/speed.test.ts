/** How fast an adapter trains is told by a block, forward and backward, over the time that a stretch of it took. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { backward, type Gpu, open, Tensor } from '../engine/index.ts';
import { ones } from '../engine/tape.ts';
import { PRESETS, resized, withOneBlock } from '../model/systems/config.ts';
import { createModel } from '../model/systems/index.ts';
import { measureSpeed } from '../train/run/speed.ts';

test('what is timed is a step of one block, gradients of its input too; nothing is left behind', async () => {
  await using gpu = await open();
  ones(gpu, []).dispose(); // the first one stays, for the life of the context
  const { live } = gpu.pool;
  const dispatchesOf = (work: () => void) => {
    const { dispatches } = gpu.counts;
    gpu.scope(work);
    return gpu.counts.dispatches - dispatches;
  };
  const timed: { dispatches: number; least: number }[] = [];
  gpu.stretch = (async (work: () => void, { least }: { readonly least: number }) => {
    timed.push({ dispatches: dispatchesOf(work), least });
    return { nanoseconds: 5e8 };
  }) as Gpu['stretch'];
  const slow = await measureSpeed(gpu, PRESETS.tiny, { precision: 'f32', batch: 4 });
  assert.is(gpu.pool.live, live);

  using model = createModel(gpu, resized(withOneBlock(PRESETS.tiny), { frames: 8 }));
  const clips = gpu.kind === 'software' ? 1 : 4;
  using x = gpu.keep(Tensor.zeros(gpu, model.blockShape(clips, 8), 'tokens'));
  x.requiresGrad = true;
  const step = () => {
    const y = model.block(x);
    backward(y, y.detach());
  };
  gpu.scope(step); // gradients are there, and added to
  assert.equal(timed, [{ dispatches: dispatchesOf(step), least: gpu.kind === 'software' ? 1 : 1e9 }]);
  x.grad?.dispose();
  assert.equal([slow.clips, slow.frames, slow.tokens, slow.seconds], [clips, 8, 17, 0.5]);
  // a gradient costs two products where the forward pass has one
  const frame = 17 * (4 * 64 * 64 + 2 * 64 * 256 + 2 * 17 * 64) + 5 * 64 * 64 + 2 * 8 * 64 + 3 * 64 * 64 + 2 * 17 * 64;
  const ratio = slow.macsPerSecond * 0.5 / (clips * 8 * frame);
  assert.ok(ratio > 3 && ratio < 3.05, String(ratio));
});

test.run();
