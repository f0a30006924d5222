/** A tiny X-CLIP that is stored as f16: it learns as in f32, skips what overflows, and keeps its masters. */
import { test, testIf } from './test.ts';
import * as assert from './assert.ts';
import { type FloatType, type Gpu, halve, open, Random, Tensor } from '../engine/index.ts';
import { halvesFrom, valuesOf } from '../engine/half.ts';
import { crossEntropyWithLabels } from '../kernels/cross_entropy/index.ts';
import { initialise } from '../model/parts/init.ts';
import { textBatch } from '../model/parts/text.ts';
import { Xclip } from '../model/systems/xclip.ts';
import { AdamW, CONTROL } from '../train/recipe/optimizer/index.ts';
import { recordStep } from '../train/recipe/stage.ts';
import { CONFIG } from './browser/training.ts';

const CLASSES = 4;
const SHAPE = [CLASSES, CONFIG.frames, 3, 16, 16];

/** A model that is trained on noise, one captured step at a time. */
function training(gpu: Gpu, type: FloatType, recompute = false) {
  const model = new Xclip(gpu, CONFIG, { recompute });
  initialise(model, 5);
  if (type === 'f16') halve(model);
  const parameters = [...model.parameters()].map(([, tensor]) => tensor);
  const optimizer = new AdamW(gpu, [{ name: 'all', lrScale: 1, weightDecay: 0.01,
    parameters: [...model.parameters()] }], { beta1: 0.9, beta2: 0.98, eps: 1e-8, maxNorm: 1 });
  optimizer.schedule([2e-3]);
  const random = new Random(5, 'videos');
  const noise = Float32Array.from({ length: SHAPE.reduce((a, b) => a * b) }, () => random.normal());
  const pixels = gpu.keep(Tensor.empty(gpu, SHAPE, type, 'pixels'));
  pixels.write(noise);
  const labels = gpu.keep(Tensor.from(gpu, Uint32Array.from({ length: CLASSES }, (_, k) => k), [CLASSES], 'labels'));
  const { context, vocab } = CONFIG.text;
  const texts = textBatch(gpu,
    Int32Array.from({ length: CLASSES * context },
      (_, i) => [vocab - 2, Math.floor(i / context), 7, vocab - 1][i % context] ?? 0), context);
  const captured = gpu.capture(() => {
    const { losses, control } = recordStep(optimizer, 1,
      () => crossEntropyWithLabels(model.forward(pixels, texts), labels));
    return [...losses, control];
  });
  return {
    optimizer,
    parameters,
    async step() {
      const [[loss], control] = (await gpu.read(captured.run())) as Float32Array[];
      return { loss, skipped: control[CONTROL.skipped] === 1, scale: control[CONTROL.lossScale] };
    },
    /** What must not change in a step that is skipped. */
    state: async () => [
      ...(await gpu.read(parameters.flatMap((tensor) => [tensor, ...(tensor.master ? [tensor.master] : [])]))),
      ...[...(await optimizer.moments()).values()].flatMap(({ m, v }) => [m, v]),
    ],
    [Symbol.dispose]() {
      captured.dispose();
      optimizer.dispose();
      model.dispose();
      pixels.dispose();
      labels.dispose();
      texts[Symbol.dispose]();
    },
  };
}

/** Losses of the first steps that were not skipped. */
async function lossesOf(run: ReturnType<typeof training>, count: number): Promise<number[]> {
  const losses: number[] = [];
  while (losses.length < count) {
    const { loss, skipped } = await run.step();
    if (!skipped) losses.push(loss);
  }
  return losses;
}

const gpu = await open();

const testHalf = testIf(gpu.features.has('shader-f16'), 'the adapter lacks shader-f16');

testHalf('the losses of ten steps are those of f32, but for what rounding to 11 bits does', async () => {
  using wide = training(gpu, 'f32');
  using half = training(gpu, 'f16');
  using again = training(gpu, 'f16', true);
  const [want, got, recomputed] = [await lossesOf(wide, 10), await lossesOf(half, 10), await lossesOf(again, 10)];
  got.forEach((loss, i) => assert.ok(Math.abs(loss - want[i]) < 0.02, `step ${i + 1}: ${loss}, in f32 ${want[i]}`));
  // gradients meet in another order
  recomputed.forEach((loss, i) =>
    assert.ok(Math.abs(loss - got[i]) < 0.002, `step ${i + 1}: ${loss}, without recompute ${got[i]}`)
  );
  assert.ok(got[9] < 0.1 * got[0]);
});

testHalf('kernels see each master rounded, after every step', async () => {
  using run = training(gpu, 'f16');
  await lossesOf(run, 3);
  const halved = run.parameters.filter(({ master }) => master !== undefined);
  assert.is(halved.length, run.parameters.length - 1); // all but the temperature
  for (const tensor of halved) {
    assert.equal(await tensor.read(), valuesOf(halvesFrom((await tensor.master?.read()) ?? new Float32Array())),
      tensor.label);
  }
});

testHalf('gradients that overflow change nothing but the loss scale, which halves until they do not', async () => {
  using run = training(gpu, 'f16');
  await lossesOf(run, 2);
  const before = await run.state();
  run.optimizer.lossScale.write(Float32Array.of(2 ** 24));
  const scales: number[] = [];
  for (let report = await run.step(); report.skipped; report = await run.step()) {
    if (scales.length === 0) assert.equal(await run.state(), before);
    scales.push(report.scale);
  }
  assert.ok(scales.length > 2);
  scales.forEach((scale, i) => assert.is(scale, 2 ** (24 - i)));
  assert.not.equal(await run.state(), before); // the last step was a good one
});

testHalf('two runs are equal bit for bit', async () => {
  using one = training(gpu, 'f16');
  using two = training(gpu, 'f16');
  assert.equal(await lossesOf(one, 5), await lossesOf(two, 5));
  assert.equal(await one.state(), await two.state());
});

test('f32 has a loss scale of 1 and no masters', async () => {
  using run = training(gpu, 'f32');
  assert.is((await run.step()).scale, 1);
  assert.ok(run.parameters.every(({ master }) => master === undefined));
});

test.after(() => gpu.close());
test.run();
