/** What a run takes is known before its first allocation. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { open, Tensor } from '../engine/index.ts';
import { PRESETS } from '../model/config.ts';
import { trainingStep } from '../bench/training_step.ts';
import { recordStep } from '../train/recipe/stage.ts';
import { RunStep } from '../train/recipe/step.ts';
import { parseConfig } from '../train/run/config.ts';
import { checkMemory, memoryLine, memoryOf } from '../train/run/memory.ts';
import { newModel } from '../train/run/system.ts';

const gpu = await open();
const CLASSES = 12;

function configOf(train: object) {
  const text = JSON.stringify({ model: { preset: 'tiny' }, data: { train: 'a.txt', labels: 'l.csv', size: 32 },
    train });
  return parseConfig(text, 'memory.yaml');
}

for (const [name, train] of Object.entries({
  'the text frozen': { batch: 4 },
  'the text learning': { batch: 2, fixText: false },
  recompute: { batch: 4, recompute: true },
})) {
  test(`the estimate is within 5 % of what a step then takes: ${name}`, async () => {
    await using fresh = await open();
    const config = configOf(train);
    const { total } = memoryOf(fresh, config, PRESETS.tiny, CLASSES);
    assert.is(fresh.pool.peak, 4, "the engine's own constant");
    const { batch, recompute, fixText, precision } = config.train;
    const { captured } = trainingStep(fresh, { preset: 'tiny', batch, classes: CLASSES, trainText: !fixText, recompute,
      precision });
    captured.run();
    await fresh.sync();
    assert.ok(Math.abs(total / fresh.pool.live - 1) < 0.05, `estimated ${total}, counted ${fresh.pool.live}`);
  });
}

test('a run whose estimate just fits its budget runs, and can be saved', async () => {
  const config = configOf({ batch: 2 });
  const { total } = memoryOf(gpu, config, PRESETS.tiny, CLASSES);
  await using tight = await open({ budget: total });
  const { batch, recompute, fixText, precision } = config.train;
  const { captured, optimizer, dispose } = trainingStep(tight, { preset: 'tiny', batch, classes: CLASSES,
    trainText: !fixText, recompute, precision });
  captured.run();
  captured.run();
  assert.ok((await optimizer.moments()).size > 0);
  assert.ok(tight.pool.peakReserved > 0.98 * total && tight.pool.peakReserved <= total,
    `${tight.pool.peakReserved} of ${total}`);
  dispose();
});

test('recompute and smaller batches take less, parameters stay', () => {
  const [plain, again, half] = [{ batch: 8 }, { batch: 8, recompute: true }, { batch: 4 }].map((train) =>
    memoryOf(gpu, configOf(train), PRESETS.tiny, CLASSES)
  );
  assert.ok(again.activations < 0.6 * plain.activations, memoryLine(again));
  assert.ok(half.activations < 0.6 * plain.activations, memoryLine(half));
  assert.is(again.parameters, plain.parameters);
  assert.is(plain.moments, 2 * plain.gradients);
});

test('micro-batches beyond the second add their inputs, and nothing else', async () => {
  const accumulation = 5;
  const config = configOf({ batch: 2, accumulation });
  const [two, all] = [2, accumulation].map((count) =>
    memoryOf(gpu, configOf({ batch: 2, accumulation: count }), PRESETS.tiny, CLASSES)
  );
  assert.equal({ ...all, inputs: 0, total: 0 }, { ...two, inputs: 0, total: 0 });
  await using fresh = await open();
  const model = newModel(fresh, config, PRESETS.tiny);
  const features = fresh.keep(Tensor.zeros(fresh, [CLASSES, PRESETS.tiny.embedDim], 'text features'));
  const step = new RunStep(fresh, { model, texts: { features }, train: config.train, optim: config.optim });
  assert.is(all.inputs - two.inputs, (accumulation - 2) * bytesOfInputs(step));
  using captured = fresh.capture(() => recordStep(step.optimizer, accumulation, (micro) => step.loss(micro)));
  captured.run();
  await fresh.sync();
  assert.ok(Math.abs(all.total / fresh.pool.live - 1) < 0.05, `estimated ${all.total}, counted ${fresh.pool.live}`);
});

const bytesOfInputs = ({ inputs: [{ pixels, labels, draw }] }: RunStep) => pixels.bytes + labels.bytes + draw.bytes;

test('a run that does not fit is stopped before it takes anything, with its parts and what would help', async () => {
  await using small = await open({ budget: 30 * 2 ** 20 });
  const { buffersCreated } = small.counts;
  assert.throwsWith(
    () => checkMemory(small, configOf({ batch: 8 }), PRESETS.tiny, CLASSES),
    /^this run needs [\d.]+ MiB \([\d,]+ B\) on the GPU, the budget is 30\.0 MiB \(31,457,280 B\)\n[\d.]+ MiB: parameters .* MiB, gradients .*, moments .*, inputs .*, activations .*$/,
    { code: 'FL_OOM',
      hint:
        /--set train\.recompute=true: [\d.]+ MiB(, still too much)?\n--set train\.batch=4 --set train\.accumulation=2: / },
  );
  assert.is(small.counts.buffersCreated, buffersCreated + 1, "the engine's own constant");
});

test.after(() => gpu.close());
test.run();
