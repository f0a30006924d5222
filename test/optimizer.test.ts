/** The optimiser as a whole: groups in arenas, steps that are skipped, what it is resumed from. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { CheckpointFormatError, type Gpu, halve, Module, open, parameter, Tensor } from '../engine/index.ts';
import { normal } from '../kernels/shared/sample.ts';
import { AdamW } from '../train/recipe/optimizer/index.ts';
import { openWithLimits } from './small_limits.ts';

const gpu = await open();
const SIZES = { a: 1500, b: 2100, c: 1030, d: 7 };
const precisions = gpu.features.has('shader-f16') ? [false, true] : [false];

class Four extends Module {
  constructor(context: Gpu) {
    super();
    for (const [name, size] of Object.entries(SIZES)) {
      this.add(name, parameter(context, name, [size])).write(normal(name, [size]).data as Float32Array);
    }
  }
}

/** Four parameters, each in a group of its own. */
function four(context: Gpu, isHalf: boolean) {
  const model = new Four(context);
  if (isHalf) halve(model);
  const parameters = [...model.parameters()];
  const groups = parameters.map(([name, tensor], i) => ({ name, lrScale: 1, weightDecay: 0.1 * i,
    parameters: [[name, tensor] as const] })
  );
  const optimizer = new AdamW(context, groups, { beta1: 0.9, beta2: 0.98, eps: 1e-8, maxNorm: 0 });
  optimizer.schedule(groups.map((_, i) => 0.01 * (i + 1)));
  const step = (gradientOf: (name: string, size: number) => Float32Array) => {
    optimizer.zeroGrad();
    for (const [name, parameter] of parameters) {
      parameter.grad = Tensor.from(context, gradientOf(name, parameter.size), parameter.shape, `d ${name}`);
    }
    context.scope(() => void optimizer.step());
  };
  /** Bits of all that a step may change, but for its counts. */
  const bits = async () => {
    const tensors: Tensor[] = parameters.flatMap((
      [, tensor],
    ) => (tensor.master === undefined ? [tensor] : [tensor.master, tensor]));
    const moments = [...(await optimizer.moments()).values()].flatMap(({ m, v }) => [m, v]);
    return [...((await context.read(tensors)) as Float32Array[]), ...moments].map((values) =>
      new Uint32Array(values.slice().buffer)
    );
  };
  const dispose = () => {
    model.dispose();
    optimizer.dispose();
  };
  return { optimizer, step, bits, dispose };
}

const gradient = (name: string, size: number) => normal(`gradient of ${name}`, [size]).data as Float32Array;

test('a model larger than a buffer is cut into several arenas, with equal bits', async () => {
  const small = await openWithLimits({ maxBufferSize: 3 * 4096 });
  for (const isHalf of precisions) {
    const [cut, whole] = [four(small, isHalf), four(gpu, isHalf)];
    for (let i = 0; i < 3; i++) for (const { step } of [cut, whole]) step(gradient);
    assert.equal(await cut.bits(), await whole.bits(), isHalf ? 'f16' : 'f32');
    const { dispatches } = small.counts;
    cut.step(gradient);
    assert.is(small.counts.dispatches - dispatches, 8,
      'a partial sum and an update for each of three arenas, and two in all');
    for (const { dispose } of [cut, whole]) dispose();
  }
  await small.close();
});

test('one gradient that is not finite, wherever it is, changes no bit of any group', async () => {
  const patterns = [0x7fc00000, 0x7f800001, 0xffffffff, 0x7f800000, 0xff800000];
  const places = [0, 1 / 3, 2 / 3, 1];
  for (const isHalf of precisions) {
    const { optimizer, step, bits, dispose } = four(gpu, isHalf);
    step(gradient);
    const [before, { lossScale }] = [await bits(), await optimizer.counts()];
    let skipped = 0;
    for (const [name, size] of Object.entries(SIZES)) {
      for (const pattern of patterns) {
        for (const place of places) {
          const poisoned = gradient(name, size).slice();
          new Uint32Array(poisoned.buffer)[Math.round(place * (size - 1))] = pattern;
          step((other) => (other === name ? poisoned : gradient(other, SIZES[other as keyof typeof SIZES])));
          assert.equal(await bits(), before, `${pattern.toString(16)} in ${name} at ${place}`);
          skipped++;
          assert.equal(await optimizer.counts(), { steps: 1, finiteInARow: 0, skippedInARow: skipped, skipped,
            lossScale: isHalf ? lossScale / 2 ** skipped : 1 });
        }
      }
    }
    step(gradient);
    assert.not.equal(await bits(), before);
    assert.is((await optimizer.counts()).steps, 2);
    dispose();
  }
});

test('moments of another length are refused by the name of their tensor', () => {
  const { optimizer, dispose } = four(gpu, false);
  const counts = { steps: 3, finiteInARow: 3, skippedInARow: 0, skipped: 0, lossScale: 1 };
  const sizeOf = (name: string) => SIZES[name as keyof typeof SIZES];
  assert.throwsWith(
    () =>
      optimizer.load('step-00000003', counts,
        (name) => ({ m: new Float32Array(sizeOf(name)), v: new Float32Array(name === 'b' ? 5 : sizeOf(name)) })),
    CheckpointFormatError,
    'step-00000003: tensor "b.v": has 5 values, the parameter has 2100',
  );
  dispose();
});

test.after(() => gpu.close());
test.run();
