/** What of a gradient travels together, and when it sets off. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { Courier, open, Tensor } from '../engine/index.ts';
import { mul, scale } from '../kernels/elementwise/index.ts';
import { bucketsOf, reachedIn } from '../train/recipe/buckets.ts';
import { recordGradient } from '../train/recipe/gradient.ts';
import { SGD } from '../train/recipe/optimizer/index.ts';
import { mean } from '../kernels/reduce/index.ts';

const gpu = await open();

const parameter = (label: string, size = 4) => {
  const tensor = gpu.keep(Tensor.from(gpu, new Float32Array(size).fill(2), [size], label));
  tensor.requiresGrad = true;
  return tensor;
};

test('buckets are whole parameters in the order in which they are reached, in as few stretches as may be', () => {
  const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((name) => parameter(name));
  const places = [a, b, c, d].map((own, i) => ({ parameter: own, arena: i === 3 ? 1 : 0, start: 256 * (i % 3),
    end: 256 * (i % 3 + 1) })
  );
  const cut = (reached: ReadonlyMap<Tensor, number>, most: number) =>
    bucketsOf(places, reached, most).map(({ parameters, stretches, gradients }) => ({
      names: [...parameters].map(({ label }) => label).join(''),
      where: stretches.map(({ arena, start, end }) => `${arena}:${start}-${end}`).join(' '),
      gradients,
    }));
  const all = new Map([[d, 1], [c, 2], [b, 1], [a, 3]]);
  assert.equal(cut(all, 1e6), [{ names: 'dcba', where: '0:0-768 1:0-256', gradients: 7 }]);
  assert.equal(cut(all, 2048), [{ names: 'dc', where: '0:512-768 1:0-256', gradients: 3 }, { names: 'ba',
    where: '0:0-512', gradients: 4 }]);
  assert.equal(cut(new Map([[c, 1], [a, 1]]), 2048), [{ names: 'ca', where: '0:0-256 0:512-768', gradients: 2 }, {
    names: 'bd',
    where: '0:256-512 1:0-256',
    gradients: Number.POSITIVE_INFINITY,
  }]);
  assert.equal(cut(all, 1).map(({ names }) => names), ['d', 'c', 'b', 'a'], 'one that is longer goes alone');
});

test('a bucket is told as soon as all gradients of its parameters are there, in every run, with the rest to come', async () => {
  const [first, last, unused] = [parameter('first'), parameter('last'), parameter('unused')];
  const optimizer = new SGD(gpu, [{ name: 'all', lrScale: 1, weightDecay: 0,
    parameters: [['first', first], ['last', last], ['unused', unused]] }], { momentum: 0, nesterov: false,
    maxNorm: 0 });
  const x = gpu.keep(Tensor.from(gpu, Float32Array.of(1, 2, 3, 4), [4], 'x'));
  // `last` is used twice: once beside the loss, once beside `first`
  const loss = () => mean(mul(mul(scale(mul(mul(x, first), last), 2), x), last), 0);
  const reached = reachedIn(gpu, optimizer, () => void recordGradient(optimizer, { accumulation: 1 }, loss));
  assert.equal([...reached].map(([{ label }, count]) => [label, count]), [['last', 2], ['first', 1]]);
  const buckets = bucketsOf(optimizer.places, reached, 1);
  const whole = gpu.capture(() => recordGradient(optimizer, { accumulation: 1 }, loss));
  whole.run();
  const [expected] = await gpu.read(optimizer.gradients);
  const told: number[] = [];
  using courier = new Courier(gpu, optimizer.gradients[0].bytes);
  const step = gpu.capture(() =>
    recordGradient(optimizer, { accumulation: 1, parts: { buckets, onComplete: (bucket) => {
      gpu.whenSubmitted(() => {
        told.push(bucket);
        if (bucket === 0) courier.send(optimizer.gradients);
      });
    } } }, loss)
  );
  const { start: at } = buckets[0].stretches[0];
  for (let run = 0; run < 3; run++) {
    optimizer.gradients[0].write(new Float32Array(expected.length));
    step.run();
    assert.equal(told.splice(0), [0, 1, 2]);
    const { buffer, byteOffset } = await courier.arrive();
    const found = new Float32Array(buffer, byteOffset, expected.length);
    assert.equal(found.slice(at, at + 4), expected.slice(at, at + 4), 'what is complete');
    assert.ok(found.slice(0, 4).every((value) => value === 0), 'what is still to come');
    courier.leave();
    assert.equal((await gpu.read(optimizer.gradients))[0], expected);
  }
});

test.after(() => gpu.close());
test.run();
