/** A submit that the device drops without a word: whatever is read after it, an error comes in place of old bytes. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { Arena, backward, type Gpu, History, StepNotExecutedError, Tensor } from '../engine/index.ts';
import { mul } from '../kernels/elementwise/index.ts';
import { mean } from '../kernels/reduce/index.ts';
import { openDropping } from './faulty_device.ts';

/**
 * Two steps of a training, captured and not, and a save: tensors of one size read one after the other, as a store does.
 */
async function trainAndSave(gpu: Gpu): Promise<number[][]> {
  const tensors = [1, 2, 3].map((value) => gpu.keep(Tensor.from(gpu, new Float32Array(300).fill(value), [300], 'w')));
  for (const tensor of tensors) tensor.requiresGrad = true;
  const arena = new Arena(gpu, 'arena', [{ id: 0, parameters: tensors.map((w, i) => [`w${i}`, w]) }], 64);
  const history = new History(gpu, 4, 1);
  const forward = (x: Tensor) => {
    arena.zeroGrad();
    const loss = mean(tensors.reduce((product, w) => mul(product, w), x), 0);
    backward(loss);
    history.append([loss]);
  };
  const x = gpu.keep(Tensor.from(gpu, new Float32Array(300).fill(2), [300], 'x'));
  gpu.scope(() => forward(x));
  gpu.capture(forward).run(x);
  const saved: number[][] = [];
  for (const tensor of [...tensors, ...tensors.map(({ grad }) => grad as Tensor)]) {
    saved.push([...(await tensor.read())]);
  }
  saved.push([...(await history.read(0, 2)).map(([loss]) => loss)]);
  await gpu.sync();
  return saved;
}

test('whichever submit of a training and of a save is dropped, it is an error and never another tensor', async () => {
  const quiet = await openDropping(0);
  const saved = await trainAndSave(quiet.gpu);
  assert.equal(saved.map(([first]) => first).slice(0, 3), [1, 2, 3]);
  const count = quiet.submits();
  await quiet.gpu.close();
  assert.ok(count >= 10, `${count} submits`);
  for (let dropped = 1; dropped <= count; dropped++) {
    const { gpu } = await openDropping(dropped);
    const error = await assert.rejectsWith(() => trainAndSave(gpu), Error);
    assert.instance(error, StepNotExecutedError, `submit ${dropped}: ${error}`);
    await gpu.close();
  }
});

test('a context of which a readback was dropped reads nothing more', async () => {
  const { gpu } = await openDropping(2);
  using x = Tensor.from(gpu, Float32Array.of(1));
  using y = Tensor.from(gpu, Float32Array.of(2));
  assert.equal([...(await x.read())], [1]);
  const error = await assert.rejectsWith(() => y.read(), StepNotExecutedError,
    'of 2 submits 1 did not run: the canary counts 1');
  assert.is(await assert.rejectsWith(() => y.read(), Error), error);
});

test.run();
