/** The linear probe: it tells apart what a line can, and nothing else; the same seed gives the same numbers. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { open, Random } from '../engine/index.ts';
import { DatasetError } from '../engine/errors.ts';
import { heldOutShare, type LabelledFeatures, rowsOf, standardOf, trainProbe } from '../train/features/probe.ts';

const gpu = await open();
test.after(() => gpu.close());
const WIDTH = 21;

test('features are moved to mean 0 and deviation 1, each number by itself; one that never differs stays 0', () => {
  const features = Float32Array.of(1, 10, 7, 3, 30, 7, 5, 20, 7, 7, 40, 7);
  const moved = standardOf(features, 3)(features);
  for (const column of [0, 1]) {
    const own = [...moved].filter((_, i) => i % 3 === column);
    const [mean, square] = [1, 2].map((power) => own.reduce((sum, value) => sum + value ** power, 0) / own.length);
    assert.ok(Math.abs(mean) < 1e-6 && Math.abs(square - 1) < 1e-6, `column ${column}: ${mean}, ${square}`);
  }
  assert.equal([2, 5, 8, 11].map((at) => moved[at]), [0, 0, 0, 0]);
});

/** Rows around a direction of their class each, of length 1; two rows to a clip. */
function around(classes: number, clips: number,
  { noise, seed = 1, isShuffled = false }: { noise: number; seed?: number; isShuffled?: boolean }): LabelledFeatures {
  const rows = 2 * clips * classes;
  const random = new Random(seed, 'features');
  const directions = new Random(7, 'directions');
  const centres = Array.from({ length: classes }, () => Array.from({ length: WIDTH }, () => directions.next() - 0.5));
  const labels = Int32Array.from({ length: rows }, (_, row) => 3 * (Math.floor(row / 2) % classes));
  const features = new Float32Array(rows * WIDTH);
  for (let row = 0; row < rows; row++) {
    const own = centres[labels[row] / 3].map((value) => value + noise * (random.next() - 0.5));
    features.set(own.map((value) => value / Math.hypot(...own)), row * WIDTH);
  }
  const order = isShuffled ? new Random(seed, 'labels').permutation(rows / 2) : undefined;
  return { features,
    labels: order === undefined ? labels : labels.map((_, row) => labels[2 * order[Math.floor(row / 2)]]),
    clips: Array.from({ length: rows }, (_, row) => `clip ${Math.floor(row / 2)}`) };
}

test('classes that lie apart are told apart, also where labels have gaps; twice the same', async () => {
  const parts = { train: around(5, 12, { noise: 0.6 }), heldOut: around(5, 6, { noise: 0.6, seed: 2 }) };
  const result = await trainProbe(gpu, parts, { seed: 3, list: 'list' });
  assert.equal(result, { classes: 5, trained: 120, heldOut: 60, accuracy: 1, trainAccuracy: 1, unknown: 0 });
  const noisy = { train: around(5, 12, { noise: 4 }), heldOut: around(5, 6, { noise: 4, seed: 2 }) };
  const [once, twice] = [await trainProbe(gpu, noisy, { seed: 3, list: '' }),
    await trainProbe(gpu, noisy, { seed: 3, list: '' })];
  assert.ok(once.accuracy > 0.3 && once.accuracy < 1, String(once.accuracy));
  assert.equal(once, twice);
});

test('labels that say nothing are guessed no better than by chance', async () => {
  const { train, heldOut } = heldOutShare(around(4, 50, { noise: 1, isShuffled: true }), 1);
  const { accuracy } = await trainProbe(gpu, { train, heldOut }, { seed: 1, list: '' });
  assert.ok(accuracy < 0.45, String(accuracy));
});

test('a fifth of the clips of each class is held out, with all their pieces, as the seed says', () => {
  const all = around(3, 10, { noise: 1 });
  const { train, heldOut } = heldOutShare(all, 1);
  assert.equal([train.labels.length, heldOut.labels.length], [48, 12]);
  for (const label of [0, 3, 6]) assert.is(heldOut.labels.filter((each) => each === label).length, 4);
  assert.not(heldOut.clips.some((clip) => train.clips.includes(clip)));
  const again = heldOutShare(all, 1);
  assert.equal(again.heldOut, heldOut);
  assert.not.equal(heldOutShare(all, 2).heldOut.clips, heldOut.clips);
});

test('of two clips of a class one is held out, of one none, of more a fifth, rounded', () => {
  const held = (clips: number) =>
    new Set(heldOutShare({ features: new Float32Array(2 * clips), labels: new Int32Array(clips), clips: Array.from({
      length: clips,
    }, (_, i) => `clip ${i}`) }, 1).heldOut.clips).size;
  assert.equal([1, 2, 7, 8, 12, 13].map(held), [0, 1, 1, 2, 2, 3]);
});

test('rows of a step are all in their order, or else the next of an order that each pass draws', () => {
  assert.equal([rowsOf(0, 3, 3, 1), rowsOf(7, 3, 3, 1)], [Int32Array.of(0, 1, 2), Int32Array.of(0, 1, 2)]);
  const steps = Array.from({ length: 6 }, (_, step) => [...rowsOf(step, 7, 2, 1)]);
  assert.ok(steps.every((rows) => rows.length === 2 && rows.every((row) => row >= 0 && row < 7)));
  for (const pass of [steps.slice(0, 3), steps.slice(3)]) {
    assert.is(new Set(pass.flat()).size, 6, 'none twice in a pass');
  }
  assert.not.equal(steps.slice(0, 3), steps.slice(3));
  assert.not.equal(steps[0], [...rowsOf(0, 7, 2, 2)]);
});

test('a class that was never seen counts as wrong; what no probe can be made of is refused', async () => {
  const train = around(2, 6, { noise: 0.3 });
  const heldOut = around(3, 4, { noise: 0.3, seed: 2 });
  const { accuracy, unknown } = await trainProbe(gpu, { train, heldOut }, { seed: 1, list: '' });
  assert.equal([unknown, accuracy], [8, 16 / 24]);
  const refused = async (parts: Parameters<typeof trainProbe>[1], message: RegExp) => {
    await assert.rejectsWith(trainProbe(gpu, parts, { seed: 1, list: 'some.txt' }), DatasetError, message);
  };
  await refused({ train: around(1, 6, { noise: 1 }), heldOut },
    /^some\.txt: a probe needs clips of two classes at least, there are 1$/);
  await refused({ train, heldOut: { ...heldOut, features: heldOut.features.subarray(0, -24) } },
    /^some\.txt: features of the clips that are held out have another number of values than 21$/);
  await refused(heldOutShare(around(3, 1, { noise: 1 }), 1), /no clip is left to measure a probe on/);
});

test('more rows than one step takes are taken in turns', async () => {
  const parts = { train: around(2, 300, { noise: 0.6 }), heldOut: around(2, 20, { noise: 0.6, seed: 2 }) };
  assert.is((await trainProbe(gpu, parts, { seed: 1, list: '' })).accuracy, 1);
});

test.run();
