/**
 * SGD as a whole, against the lines of torch.optim.SGD in float64: momentum, groups, clipping, skipped steps,
 * resumption, f16.
 */
import { test, testIf } from './test.ts';
import * as assert from './assert.ts';
import { type Gpu, halve, Module, open, parameter, Tensor } from '../engine/index.ts';
import { halvesFrom, valuesOf } from '../engine/half.ts';
import { add, mul } from '../kernels/elementwise/index.ts';
import { sumAll } from '../kernels/reduce/index.ts';
import { sgd, SGD_COLUMNS, sgdRow } from '../kernels/sgd/index.ts';
import { normal } from '../kernels/shared/sample.ts';
import { CONTROL, SGD, type SGDOptions } from '../train/recipe/optimizer/index.ts';
import { recordStep } from '../train/recipe/stage.ts';
import { close } from './close.ts';
import { openWithLimits } from './small_limits.ts';

const gpu = await open();

/** Three parameters, each in a group of its own, one of them longer than a tile. */
const GROUPS = [
  { name: 'a', size: 1500, lrScale: 1, weightDecay: 0.1 },
  { name: 'b', size: 7, lrScale: 10, weightDecay: 0 },
  { name: 'c', size: 1030, lrScale: 0.5, weightDecay: 0.01 },
];
const NAMES = GROUPS.map(({ name }) => name);
const STEPS = 6;

const start = (name: string, size: number) => normal(name, [size]).data as Float32Array;
/** Multiples of 1/64, which f16 holds. */
const gradient = (name: string, step: number, size: number) =>
  start(`${name} ${step}`, size).map((v) => Math.round(64 * v) / 64);
const learningRate = (step: number) => 0.1 / (1 + step);

class Three extends Module {
  constructor(context: Gpu) {
    super();
    for (const { name, size } of GROUPS) this.add(name, parameter(context, name, [size])).write(start(name, size));
  }
}

/** A loss whose gradients are given: Σ a · ga + Σ b · gb + Σ c · gc, in a captured step. */
function training(context: Gpu, options: SGDOptions, type: 'f32' | 'f16' = 'f32') {
  const model = new Three(context);
  if (type === 'f16') halve(model);
  const parameters = new Map(model.parameters());
  const of = (name: string) => parameters.get(name) as Tensor;
  const optimizer = new SGD(context,
    GROUPS.map((group) => ({ ...group, parameters: [[group.name, of(group.name)] as const] })), options);
  const gradients = GROUPS.map(({ size }) => context.keep(Tensor.empty(context, [size], type, 'gradient') as Tensor));
  const captured = context.capture(() => {
    const loss = () =>
      NAMES.map((name, i) => sumAll(mul(of(name), gradients[i]))).reduce((sum, each) => add(sum, each));
    return recordStep(optimizer, 1, loss).control;
  });
  return {
    optimizer,
    async step(step: number, gradientOf = gradient) {
      GROUPS.forEach(({ name, size }, i) => gradients[i].write(gradientOf(name, step, size)));
      optimizer.schedule(GROUPS.map(({ lrScale }) => lrScale * learningRate(step)));
      return (await captured.run().read()) as Float32Array;
    },
    /** The parameters; masters, if they have any. */
    values: () => context.read(NAMES.map((name) => of(name).master ?? of(name))) as Promise<Float32Array[]>,
    put(values: readonly Float32Array[]) {
      NAMES.forEach((name, i) => of(name).write(values[i]));
    },
    shadows: () => context.read(NAMES.map(of)) as Promise<Float32Array[]>,
    dispose() {
      captured.dispose();
      optimizer.dispose();
      model.dispose();
      for (const tensor of gradients) tensor.dispose();
    },
  };
}

/** torch.nn.utils.clip_grad_norm_ and torch.optim.SGD, number by number. */
function reference({ momentum, nesterov, maxNorm }: SGDOptions,
  steps: readonly number[]): { values: Float64Array[]; norms: number[] } {
  const values = GROUPS.map(({ name, size }) => Float64Array.from(start(name, size)));
  const buffers: (Float64Array | undefined)[] = GROUPS.map(() => undefined);
  const norms = steps.map((step) => {
    const gradients = GROUPS.map(({ name, size }) => Float64Array.from(gradient(name, step, size)));
    const norm = Math.hypot(...gradients.flatMap((own) => [...own]));
    const factor = maxNorm > 0 ? Math.min(1, maxNorm / (norm + 1e-6)) : 1;
    GROUPS.forEach(({ lrScale, weightDecay }, group) => {
      const grads = gradients[group].map((g, i) => factor * g + weightDecay * values[group][i]);
      const before = buffers[group];
      const buffer = before === undefined ? grads : grads.map((g, i) => momentum * before[i] + g);
      buffers[group] = buffer;
      const direction = momentum === 0 ? grads : nesterov ? grads.map((g, i) => g + momentum * buffer[i]) : buffer;
      direction.forEach((d, i) => (values[group][i] -= lrScale * learningRate(step) * d));
    });
    return norm;
  });
  return { values, norms };
}

const PLAIN: SGDOptions = { momentum: 0, nesterov: false, maxNorm: 0 };
const HEAVY: SGDOptions = { momentum: 0.9, nesterov: false, maxNorm: 0 };
const AHEAD: SGDOptions = { momentum: 0.9, nesterov: true, maxNorm: 20 };
const upTo = (end: number) => Array.from({ length: end }, (_, step) => step);

test('in a captured step with a learning rate that changes, values are those of torch.optim.SGD in float64, of every group', async () => {
  for (const options of [PLAIN, HEAVY, { ...HEAVY, maxNorm: 20 }, AHEAD]) {
    const own = training(gpu, options);
    const want = reference(options, upTo(STEPS));
    for (const step of upTo(STEPS)) {
      const control = await own.step(step);
      assert.ok(Math.abs(control[CONTROL.norm] / want.norms[step] - 1) < 1e-6, `norm of step ${step}`);
    }
    const got = await own.values();
    NAMES.forEach((name, i) =>
      close(`${name} with ${JSON.stringify(options)}`, got[i], want.values[i], { atol: 5e-6, rtol: 2e-6 })
    );
    own.dispose();
  }
});

test('without momentum nothing is kept of gradients, with it the first step keeps the gradient itself', async () => {
  const [plain, heavy] = [training(gpu, PLAIN), training(gpu, HEAVY)];
  for (const own of [plain, heavy]) await own.step(0);
  assert.is((await plain.optimizer.moments()).size, 0);
  const moments = await heavy.optimizer.moments();
  assert.equal(moments.get('b')?.momentum, gradient('b', 0, 7));
  for (const own of [plain, heavy]) own.dispose();
});

test('a step with a gradient that is not finite changes nothing, and the next is as if it had not been', async () => {
  const [own, undisturbed] = [training(gpu, HEAVY), training(gpu, HEAVY)];
  await own.step(0);
  for (const broken of [Number.NaN, Infinity]) {
    const before = await own.values();
    const control = await own.step(1, (name, step, size) =>
      gradient(name, step, size).fill(broken, name === 'c' ? size - 1 : size));
    assert.is(control[CONTROL.skipped], 1);
    assert.equal(await own.values(), before);
  }
  await own.step(1);
  for (const step of [0, 1]) await undisturbed.step(step);
  assert.equal(await own.values(), await undisturbed.values());
  assert.equal(await own.optimizer.counts(), { steps: 2, finiteInARow: 1, skippedInARow: 0, skipped: 2, lossScale: 1 });
  for (const each of [own, undisturbed]) each.dispose();
});

test('some steps, what moments and counts give, and the other steps are equal, bit for bit, to all of them at once', async () => {
  for (const options of [PLAIN, AHEAD]) {
    const [first, second, whole] = [training(gpu, options), training(gpu, options), training(gpu, options)];
    for (const step of upTo(3)) await first.step(step);
    const moments = await first.optimizer.moments();
    second.put(await first.values());
    second.optimizer.load('step-3', await first.optimizer.counts(), (name) =>
      moments.get(name) as { momentum: Float32Array });
    for (const step of [3, 4]) await second.step(step);
    for (const step of upTo(5)) await whole.step(step);
    assert.equal(await second.values(), await whole.values());
    assert.equal(await second.optimizer.counts(), await whole.optimizer.counts());
    for (const own of [first, second, whole]) own.dispose();
  }
});

test('a model larger than a buffer is cut into several arenas, with equal bits', async () => {
  const small = await openWithLimits({ maxBufferSize: 3 * 4096 });
  const [cut, uncut] = [training(small, AHEAD), training(gpu, AHEAD)];
  for (const step of upTo(2)) for (const own of [cut, uncut]) await own.step(step);
  assert.equal(await cut.values(), await uncut.values());
  for (const own of [cut, uncut]) own.dispose();
  await small.close();
});

testIf(gpu.features.has('shader-f16'), 'the adapter lacks shader-f16')(
  'in half precision masters go as parameters of f32 do, once the loss scale fits, and kernels are shown them rounded',
  async () => {
    const own = training(gpu, HEAVY, 'f16');
    assert.is((await own.step(0))[CONTROL.skipped], 1, 'a loss scale of 65536 is no f16');
    for (const step of upTo(STEPS)) assert.is((await own.step(step))[CONTROL.skipped], 0);
    const [masters, shadows, want] = [await own.values(), await own.shadows(), reference(HEAVY, upTo(STEPS)).values];
    NAMES.forEach((name, i) => {
      close(name, masters[i], want[i], { atol: 5e-6, rtol: 2e-6 });
      assert.equal(shadows[i], valuesOf(halvesFrom(masters[i])), `shadow of ${name}`);
    });
    own.dispose();
  },
);

test('settings without a meaning are refused, and a momentum without memory for it gives NaN', async () => {
  const outOfRange = (run: () => unknown, message: string) => assert.throwsWith(run, message, { code: 'FL_RANGE' });
  const refused = (options: Partial<SGDOptions>, message: string) =>
    outOfRange(() => new SGD(gpu, [], { ...PLAIN, ...options }), message);
  refused({ momentum: -0.1 }, 'SGD: momentum is -0.1, it must be in [0, 1)');
  refused({ momentum: Number.NaN }, 'SGD: momentum is NaN, it must be in [0, 1)');
  refused({ nesterov: true }, 'SGD: Nesterov’s momentum needs a momentum, it is 0');
  refused({ maxNorm: -1 }, 'SGD: maxNorm is -1, it must be at least 0');
  const own = training(gpu, PLAIN);
  outOfRange(() => own.optimizer.schedule([0.1, 0.1]), 'schedule: 2 learning rates for 3 groups');
  own.dispose();
  for (const n of [3, 4]) {
    const values = Tensor.from(gpu, new Float32Array(n));
    gpu.scope(() => {
      const row = (momentum: number) =>
        Tensor.from(gpu, sgdRow({ ...PLAIN, lr: 1, momentum, weightDecay: 0 }), [1, SGD_COLUMNS]);
      const grads = Tensor.from(gpu, new Float32Array(n).fill(1));
      const groupOfTile = Tensor.from(gpu, new Uint32Array(1));
      const control = Tensor.from(gpu, Float32Array.of(1, 1, 0, 1, 1, 1, 0, 1));
      sgd({ values, grads, hyper: row(0), groupOfTile, control });
      sgd({ values, grads, hyper: row(0.9), groupOfTile, control });
    });
    assert.ok((await values.read()).every(Number.isNaN));
  }
});

test.after(() => gpu.close());
test.run();
