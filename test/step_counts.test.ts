/**
 * Dispatches and programs of a training step of each system. Counts do not vary from run to run, so what a change adds
 * is seen here.
 */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { type StepShape, trainingStep } from '../bench/training_step.ts';
import { commandsOf, estimate, open } from '../engine/index.ts';

const gpu = await open();

const base: StepShape = { preset: 'tiny', batch: 16, classes: 120, trainText: false, recompute: false,
  precision: 'f32' };

/**
 * At most this many, and so many more that pack operands on software adapters; adapters that cut products into fewer
 * parts need fewer. And so many programs, each of which a first run compiles.
 */
const MOST: readonly (readonly [string, StepShape, number, number, number])[] = [
  ['tiny', base, 261, 30, 50],
  ['tiny with recompute', { ...base, recompute: true }, 300, 42, 51],
  ['tiny, texts that learn', { ...base, trainText: true }, 327, 30, 59],
  ['B/32', { ...base, preset: 'B/32', batch: 1, classes: 400 }, 594, 318, 52],
  ['B/16', { ...base, preset: 'B/16', batch: 1, classes: 400 }, 594, 373, 52],
  ['TSM tiny', { ...base, system: 'tsm' }, 255, 2, 48],
  ['TimeSformer tiny', { ...base, system: 'timesformer' }, 231, 24, 44],
  ['Video Swin tiny', { ...base, system: 'video-swin' }, 173, 26, 41],
  ['VideoMAE tiny', { ...base, system: 'videomae' }, 105, 18, 31],
  ['CoSwin tiny', { ...base, system: 'coswin' }, 191, 24, 42],
];

for (const [name, shape, most, packing, programs] of MOST) {
  test(`a step of ${name} takes at most ${most} dispatches of ${programs} programs, and ${packing} that pack operands`, () => {
    const [commands] = commandsOf(gpu, () => void trainingStep(gpu, shape).captured.run());
    const dispatches = commands.filter(({ kind }) => kind === 'dispatch');
    const packs = dispatches.filter((command) =>
      command.kind === 'dispatch' && command.label.startsWith('pack_panels')
    );
    const others = dispatches.length - packs.length;
    assert.ok(others <= most, `${others}`);
    assert.ok(others > most / 2, `${others}: a step that does nothing passes every bound`);
    assert.ok(packs.length <= packing, `${packs.length}`);
    const built = new Set(dispatches.map((command) => command.kind === 'dispatch' && command.program));
    assert.ok(built.size <= programs, `${built.size} programs`);
  });
}

test('mixing clips and targets takes two dispatches, and none where nothing is mixed', () => {
  const [plain, mixed] = [false, true].map((isMixed) =>
    estimate(gpu, () => void trainingStep(gpu, { ...base, isMixed }).captured.run()).dispatches
  );
  assert.is(mixed, plain + 2);
});

test('a replayed step of X-CLIP makes nothing and submits at most four times, readback included', async () => {
  const { captured, dispose } = trainingStep(gpu, { ...base, batch: 2, classes: 5 });
  captured.run();
  await gpu.sync();
  const { dispatches, submits, ...made } = { ...gpu.counts };
  captured.run();
  await gpu.sync();
  const { dispatches: dispatchesAfter, submits: submitsAfter, ...madeAfter } = gpu.counts;
  assert.equal(madeAfter, made, 'buffers, bind groups and pipelines');
  assert.is(dispatchesAfter - dispatches, captured.plan.dispatches);
  assert.ok(submitsAfter - submits <= 4, `${submitsAfter - submits}`);
  dispose();
});

test.after(() => gpu.close());
test.run();
