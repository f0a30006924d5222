/** What a run takes is known before its first allocation. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { formatBytes, Gpu, open } from '../engine/index.ts';
import { PRESETS } from '../model/systems/config.ts';
import { nullDevice } from './null_gpu.ts';
import { trainingStep } from '../bench/training_step.ts';
import { parseConfig } from '../train/run/config.ts';
import { checkEvaluationMemory, checkMemory, memoryLine, memoryOf, type RunMemory } from '../train/run/memory.ts';

const gpu = await open();
const CLASSES = 12;
const TEXTS = { classes: CLASSES, templates: 1, length: 77 };

function configOf(train: object) {
  const text = JSON.stringify({ model: { preset: 'tiny' }, data: { train: 'a.txt', labels: 'l.csv', size: 32 },
    train: { mixup: 0, cutmix: 0, ...train } });
  return parseConfig(text, 'memory.yaml');
}

for (const [name, train] of Object.entries({
  'the text frozen': { batch: 4 },
  'the text learning': { batch: 2, tune: 'both' },
  recompute: { batch: 4, recompute: true },
  'clips mixed': { batch: 4, mixup: 0.8 },
})) {
  test(`the estimate is within 5 % of what a step then takes: ${name}`, async () => {
    await using fresh = await open();
    const config = configOf(train);
    const { total } = memoryOf(fresh, config, PRESETS.tiny, TEXTS);
    assert.is(fresh.pool.peak, 4, "the engine's own constant");
    const { batch, recompute, tune, precision } = config.train;
    const { captured } = trainingStep(fresh, { preset: 'tiny', batch, classes: CLASSES, trainText: tune === 'both',
      recompute, precision, isMixed: config.train.mixup > 0 });
    captured.run();
    await fresh.sync();
    const counted = fresh.pool.live + captured.plan.textureBytes;
    assert.ok(Math.abs(total / counted - 1) < 0.05, `estimated ${total}, counted ${counted}`);
  });
}

test('a run whose estimate just fits its budget runs, and can be saved', async () => {
  const config = configOf({ batch: 2 });
  const { total } = memoryOf(gpu, config, PRESETS.tiny, TEXTS);
  await using tight = await open({ budget: total });
  const { batch, recompute, tune, precision } = config.train;
  const { captured, optimizer, dispose } = trainingStep(tight, { preset: 'tiny', batch, classes: CLASSES,
    trainText: tune === 'both', recompute, precision });
  captured.run();
  captured.run();
  assert.ok((await optimizer.moments()).size > 0);
  assert.ok(tight.pool.peakReserved > 0.98 * total && tight.pool.peakReserved <= total,
    `${tight.pool.peakReserved} of ${total}`);
  dispose();
});

test('recompute and smaller batches take less, parameters stay', () => {
  const [plain, again, half] = [{ batch: 8 }, { batch: 8, recompute: true }, { batch: 4 }].map((train) =>
    memoryOf(gpu, configOf(train), PRESETS.tiny, TEXTS)
  );
  assert.ok(again.activations < 0.6 * plain.activations, memoryLine(again));
  assert.ok(half.activations < 0.6 * plain.activations, memoryLine(half));
  assert.is(again.parameters, plain.parameters);
  assert.is(plain.moments, 2 * plain.gradients);
  const config = configOf({ batch: 8 });
  const [heavy, light] = [0.9, 0].map((momentum) =>
    memoryOf(gpu, { ...config, optim: { ...config.optim, name: 'sgd', momentum } }, PRESETS.tiny, TEXTS)
  );
  assert.equal([heavy.moments, light.moments], [plain.gradients, 0], 'SGD keeps one number of each, or none');
});

test('texts that learn take memory by the length of the longest one, not by the context', () => {
  const config = configOf({ batch: 1, tune: 'both' });
  const [short, whole] = [10, 77].map((length) =>
    memoryOf(gpu, config, PRESETS.tiny, { classes: 100, templates: 1, length })
  );
  assert.ok(short.activations < 0.2 * whole.activations, `${memoryLine(short)}; ${memoryLine(whole)}`);
  assert.is(short.parameters, whole.parameters);
});

test('features of all templates are held beside those of a step; ids of texts that learn are not', () => {
  for (const tune of ['visual', 'both']) {
    const [one, all] = [1, 16].map((templates) =>
      memoryOf(gpu, configOf({ batch: 1, tune }), PRESETS.tiny, { classes: 128, templates, length: 12 })
    );
    assert.is(all.inputs - one.inputs, tune === 'visual' ? 16 * 128 * PRESETS.tiny.embedDim * 4 : 0);
    assert.is(all.activations, one.activations);
  }
});

test('the parts of a run add up; what would help is estimated as a run of its own, and told whether it fits', async () => {
  const of = (train: object) => memoryOf(gpu, configOf(train), PRESETS.tiny, TEXTS);
  for (const train of [{ batch: 2 }, { batch: 4, tune: 'both', accumulation: 3 }]) {
    const { total, ...parts } = of(train);
    // beside them, what memory is rounded up to
    const share = Object.values(parts).reduce((sum, bytes) => sum + bytes, 0) / total;
    assert.ok(share > 0.99 && share <= 1, `${share} of ${JSON.stringify(train)}`);
  }
  const short = (bytes: number) => formatBytes(bytes).replace(/ \(.*/, '');
  const helps = gpu.features.has('shader-f16') ? [['train.precision=f16', { precision: 'f16' }] as const] : [];
  for (const [train, changes] of [
    [{ batch: 8 }, [['train.recompute=true', { recompute: true }], [
      'train.batch=4 --set train.accumulation=2',
      { batch: 4, accumulation: 2 },
    ], ...helps]],
    [{ batch: 6, accumulation: 3, recompute: true }, [['train.batch=3 --set train.accumulation=6', { batch: 3,
      accumulation: 6 }], ...helps]],
    [{ batch: 3, recompute: true }, helps],
  ] as const) {
    const totals = changes.map(([words, change]) => [words, of({ ...train, ...change }).total] as const);
    const budget = Math.min(of(train).total - 1, ...totals.map(([, total]) => total)); // the least one just fits
    await using small = await open({ budget });
    const { hint } = assert.throwsWith(() => checkMemory(small, configOf(train), PRESETS.tiny, TEXTS),
      /^this run needs/);
    assert.equal(hint?.split('\n'), [
      ...totals.map(([words, total]) => `--set ${words}: ${short(total)}${total <= budget ? '' : ', still too much'}`),
      'or raise run.memoryGiB, if the machine has more',
    ]);
  }
});

test('what would help a process that shares its steps takes its part of them', async () => {
  const batch = { batch: 8, accumulation: 2, recompute: true };
  const own = { first: 1, count: 1 };
  const total = (train: object, count: number) =>
    memoryOf(gpu, configOf({ ...batch, ...train }), PRESETS.tiny, TEXTS, { first: 0, count }).total;
  await using small = await open({ budget: total({}, 1) - 1 });
  const { hint } = assert.throwsWith(() => checkMemory(small, configOf(batch), PRESETS.tiny, TEXTS, own),
    /^this run needs/);
  assert.match(String(hint),
    `--set train.batch=4 --set train.accumulation=4: ${
      formatBytes(total({ batch: 4, accumulation: 4 }, 2)).replace(/ \(.*/, '')
    }`);
});

test('a clip takes less to be measured in half precision', async () => {
  const { device, adapter, instance } = await nullDevice({});
  await using half = new Gpu(device, adapter, instance, { budget: 2 ** 28 });
  const need = (precision: string) =>
    (assert.throwsWith(
      () => checkEvaluationMemory(half, configOf({ precision }), PRESETS.tiny, { total: 2 ** 28 } as RunMemory),
      { code: 'FL_OOM' },
    ) as unknown as { context: { need: number } }).context.need - 2 ** 28;
  const [whole, own] = [need('f32'), need('f16')];
  assert.ok(own > 0.4 * whole && own < 0.8 * whole, `${own} of ${whole}`);
});

test('a clip is measured beside what training holds, where both just fit', async () => {
  const budget = 2 ** 28;
  await using small = await open({ budget });
  const config = configOf({ batch: 2 });
  const check = (total: number, frames: number = PRESETS.tiny.frames) =>
    checkEvaluationMemory(small, config, { ...PRESETS.tiny, frames }, { total } as RunMemory);
  const needed = (frames?: number) =>
    (assert.throwsWith(() => check(budget, frames),
      /^measuring one clip of data\.val needs .* the budget is 256\.0 MiB/, {
      code: 'FL_OOM',
    }) as unknown as { context: { need: number; budget: number } }).context;
  const { need, budget: told } = needed();
  assert.is(told, budget);
  check(2 * budget - need);
  assert.throwsWith(() => check(2 * budget - need + 1), /^measuring one clip/);
  assert.ok(need > budget && needed(16).need - budget > 1.5 * (need - budget), 'more frames take more');
});

test('a run that does not fit is stopped before it takes anything, with its parts and what would help', async () => {
  await using small = await open({ budget: 30 * 2 ** 20 });
  const { buffersCreated } = small.counts;
  assert.throwsWith(
    () => checkMemory(small, configOf({ batch: 8 }), PRESETS.tiny, TEXTS),
    /^this run needs [\d.]+ MiB \([\d,]+ B\) on the GPU, the budget is 30\.0 MiB \(31,457,280 B\)\n[\d.]+ MiB: parameters .* MiB, gradients .*, moments .*, inputs .*, activations .*$/,
    { code: 'FL_OOM',
      hint:
        /--set train\.recompute=true: [\d.]+ MiB(, still too much)?\n--set train\.batch=4 --set train\.accumulation=2: / },
  );
  assert.is(small.counts.buffersCreated, buffersCreated + 1, "the engine's own constant");
});

test.after(() => gpu.close());
test.run();
