/** The gradient of a step of several micro-batches: the order of its sum, and what it takes. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { backward, commandsOf, open, Random, Tensor } from '../engine/index.ts';
import { mul, scale } from '../kernels/elementwise/index.ts';
import { linear } from '../kernels/matmul/index.ts';
import { mean } from '../kernels/reduce/index.ts';
import { mostOpen } from '../mpi/order.ts';
import { AdamW } from '../train/recipe/optimizer/index.ts';
import { recordGradient } from '../train/recipe/gradient.ts';

const gpu = await open();
const MOST = 8;
const [ROWS, WIDTH] = [3, 5];

const numbers = (name: string, count: number) => {
  const random = new Random(7, name);
  return Float32Array.from({ length: count }, () => random.normal() * 10 ** random.below(4));
};
const tensor = (name: string, ...shape: number[]) =>
  gpu.keep(Tensor.from(gpu, numbers(name, shape.reduce((a, b) => a * b)), shape, name));

/** A weight that is used twice, so that two gradients meet in each micro-batch, and a gain that is used once. */
const [weight, gain] = [tensor('weight', WIDTH, WIDTH), tensor('gain', WIDTH)];
for (const parameter of [weight, gain]) parameter.requiresGrad = true;
const inputs = Array.from({ length: MOST }, (_, micro) => tensor(`input ${micro}`, ROWS, WIDTH));
const optimizer = new AdamW(gpu, [{ name: 'all', lrScale: 1, weightDecay: 0,
  parameters: [['weight', weight], ['gain', gain]] }], { beta1: 0.9, beta2: 0.98, eps: 1e-8, maxNorm: 0 });
const loss = (micro: number) =>
  mean(mul(linear(linear(inputs[micro], weight), weight), linear(inputs[micro], weight, { bias: gain })).reshape([-1]),
    0);

const gradient = async () => (await optimizer.gradients[0].read()).slice();
const hash = (values: Float32Array) => Buffer.from(values.buffer).toString('hex');

/** As the page of mpi says it, written out here. */
const TREES: Readonly<Record<number, (add: (a: number, b: number) => number, g: readonly number[]) => number>> = {
  1: (_, [a]) => a,
  2: (add, [a, b]) => add(a, b),
  3: (add, [a, b, c]) => add(add(a, b), c),
  4: (add, [a, b, c, d]) => add(add(a, b), add(c, d)),
  5: (add, [a, b, c, d, e]) => add(add(add(a, b), add(c, d)), e),
  6: (add, [a, b, c, d, e, f]) => add(add(add(a, b), add(c, d)), add(e, f)),
  7: (add, [a, b, c, d, e, f, g]) => add(add(add(a, b), add(c, d)), add(add(e, f), g)),
  8: (add, [a, b, c, d, e, f, g, h]) => add(add(add(a, b), add(c, d)), add(add(e, f), add(g, h))),
};

test('the gradients of micro-batches are added as a tree in their order, bit for bit, also in a step that is replayed', async () => {
  let unlike = 0;
  for (let count = 1; count <= MOST; count++) {
    const terms: Float32Array[] = [];
    for (let micro = 0; micro < count; micro++) {
      optimizer.zeroGrad();
      gpu.scope(() => backward(count === 1 ? loss(micro) : scale(loss(micro), 1 / count), optimizer.lossScale));
      terms.push(await gradient());
    }
    const add = (a: number, b: number) => Math.fround(a + b);
    const at = (i: number) => terms.map((term) => term[i]);
    const tree = terms[0].map((_, i) => TREES[count](add, at(i)));
    const inARow = terms[0].map((_, i) => at(i).reduce(add));
    using step = gpu.capture(() => recordGradient(optimizer, { accumulation: count }, loss));
    for (const run of ['first', 'second']) {
      const losses = step.run();
      assert.is(hash(await gradient()), hash(tree), `${run} run of ${count} micro-batches`);
      for (const [micro, own] of losses.entries()) {
        const alone = gpu.scope(() => loss(micro).detach());
        assert.is(await own.item(), await alone.item());
        alone.dispose();
      }
    }
    if (hash(inARow) !== hash(tree)) unlike++;
  }
  assert.ok(unlike > 0, 'a sum in a row has other bits');
});

test('sums wait in a buffer for each power of two, and each is copied and added once for all parameters', () => {
  const planned = (count: number) => {
    using step = gpu.capture(() => recordGradient(optimizer, { accumulation: count }, loss));
    step.prepare();
    return step.plan;
  };
  const { bytes } = optimizer.gradients[0];
  const counts = Array.from({ length: MOST }, (_, i) => i + 1);
  const plans = counts.map(planned);
  // losses, one for each micro-batch, are what else is left
  const waiting = plans.map(({ leastBytes }) => Math.floor((leastBytes - plans[0].leastBytes) / bytes));
  assert.equal(waiting, [0, 1, 1, 2, 2, 2, 2, 3]);
  assert.equal(waiting, counts.map((count) => mostOpen(count) - 1));
  const [commands] = commandsOf(gpu,
    () => void gpu.scope(() => recordGradient(optimizer, { accumulation: MOST }, loss)));
  const ofArena = commands.filter((command) => command.kind === 'copy' && command.bytes === bytes);
  const added = commands.filter((command) => command.kind === 'dispatch' && command.label.startsWith('accumulate'));
  assert.is(ofArena.length, MOST - 1);
  // and the second use of the weight in each
  assert.is(added.length, MOST - 1 + 2 * MOST);
});

test('one after another they take no buffer more, and add up in a row', async () => {
  const count = 5;
  const terms: Float32Array[] = [];
  for (let micro = 0; micro < count; micro++) {
    optimizer.zeroGrad();
    gpu.scope(() => backward(scale(loss(micro), 1 / count), optimizer.lossScale));
    terms.push(await (gain.grad as Tensor).read());
  }
  const options = { accumulation: count, sum: 'library' } as const;
  using step = gpu.capture(() => recordGradient(optimizer, options, loss));
  for (let run = 0; run < 2; run++) {
    step.run();
    const inARow = terms[0].map((_, i) => terms.map((term) => term[i]).reduce((a, b) => Math.fround(a + b)));
    assert.equal(await (gain.grad as Tensor).read(), inARow);
  }
  using alone = gpu.capture(() => recordGradient(optimizer, { accumulation: 1 }, loss));
  alone.prepare();
  assert.ok(step.plan.leastBytes - alone.plan.leastBytes < optimizer.gradients[0].bytes);
});

test('a process records the micro-batches that are its own, as parts of the whole step', async () => {
  using whole = gpu.capture(() => recordGradient(optimizer, { accumulation: 4 }, loss));
  whole.run();
  const expected = await gradient();
  const halves: Float32Array[] = [];
  for (const first of [0, 2]) {
    const seen: number[] = [];
    using half = gpu.capture(() =>
      recordGradient(optimizer, { accumulation: 4, share: { first, count: 2 } }, (micro) => {
        seen.push(micro);
        return loss(micro);
      })
    );
    half.run();
    assert.equal(seen.slice(0, 2), [first, first + 1]);
    halves.push(await gradient());
  }
  assert.is(hash(halves[0].map((value, i) => value + halves[1][i])), hash(expected));
});

test.after(() => gpu.close());
test.run();
