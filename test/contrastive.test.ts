import { test } from './test.ts';
import * as assert from './assert.ts';
import { backward, type Gpu, open, Random, Tensor } from '../engine/index.ts';
import { contrastiveLoss, equalCaptions } from '../train/recipe/contrastive.ts';

let gpu: Gpu;
test.before(async () => {
  gpu = await open();
});
test.after(() => gpu.close());

const CAPTIONS = Int32Array.of(4, 0, 4, 9, 0, 4, 7);
const N = CAPTIONS.length;

/** The definition, in float64: the mean of two cross-entropies, over rows and over columns. */
function reference(logits: Float64Array): number {
  const at = (i: number, j: number) => logits[i * N + j];
  let loss = 0;
  for (const value of [at, (i: number, j: number) => at(j, i)]) {
    for (let i = 0; i < N; i++) {
      let sum = 0;
      for (let j = 0; j < N; j++) sum += Math.exp(value(i, j));
      const equal = Array.from(CAPTIONS.keys()).filter((j) => CAPTIONS[j] === CAPTIONS[i]);
      for (const j of equal) loss -= (value(i, j) - Math.log(sum)) / equal.length / N / 2;
    }
  }
  return loss;
}

test("CLIP's loss and its gradient are those of the definition, with equal captions sharing the target", async () => {
  const random = new Random(3, 'logits');
  const values = Float32Array.from({ length: N * N }, () => 3 * random.normal());
  using logits = Tensor.from(gpu, values, [N, N]);
  logits.requiresGrad = true;
  using loss = gpu.scope(() => {
    const value = contrastiveLoss(logits, Tensor.from(gpu, equalCaptions(CAPTIONS), [N, N], 'target'));
    backward(value);
    return value.detach();
  });
  const exact = Float64Array.from(values);
  assert.ok(Math.abs((await loss.item()) - reference(exact)) < 1e-5);
  const gradient = (await logits.grad?.read()) as Float32Array;
  for (let i = 0; i < N * N; i++) {
    const [above, below] = [1e-5, -1e-5].map((step) =>
      reference(exact.map((value, j) => (j === i ? value + step : value)))
    );
    assert.ok(Math.abs(gradient[i] - (above - below) / 2e-5) < 1e-5, `element ${i}`);
  }
  logits.grad?.dispose();
});

test('if every picture finds its caption with certainty, the loss is nothing', async () => {
  const own = Int32Array.of(0, 1, 2);
  using logits = Tensor.from(gpu, Float32Array.of(60, 0, 0, 0, 60, 0, 0, 0, 60), [3, 3]);
  using loss = gpu.scope(() => contrastiveLoss(logits, Tensor.from(gpu, equalCaptions(own), [3, 3], 'target')));
  assert.is(await loss.item(), 0);
});

test.run();
