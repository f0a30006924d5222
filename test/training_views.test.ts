/** What training is shown of clips: colours and frames are drawn by seed, epoch and clip, whoever reads them. */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { type Gpu, open, Random } from '../engine/index.ts';
import { type Colouring, STEPS } from '../kernels/colour/index.ts';
import type { I420Frame } from '../kernels/frames/index.ts';
import { BatchesByStep } from '../train/data/loading/batches.ts';
import { type Batch, Dataset, type DatasetOptions } from '../train/data/loading/dataset.ts';
import { writeVideo } from '../train/data/video/encode.ts';
import { drawColours } from '../train/data/views/colours.ts';
import { pixelsOf } from '../train/data/views/pixels.ts';
import { type Pattern, sampleForEvaluation, sampleForTraining } from '../train/data/views/sampling.ts';
import type { View } from '../train/data/views/view.ts';
import { trainingPreprocessor } from '../train/run/system.ts';
import { openWithBindings } from './small_limits.ts';
import { clip } from './video_sample.ts';

const gpu = await open();
const RECIPE = { jitter: 0.8, gray: 0.2 };

test('four of five clips have jitter, one of five is gray, each alone too, and shares of 0 and 1 are never and always', () => {
  const drawn = Array.from({ length: 4000 }, (_, i) => drawColours(1, RECIPE, new Random(1, `clip ${i}`))?.[0]);
  const share = (is: (colouring: Colouring | undefined) => boolean) => drawn.filter(is).length / drawn.length;
  const near = (got: number, want: number) => assert.ok(Math.abs(got - want) < 0.03, `${got}, want ${want}`);
  near(share((each) => each?.jitter !== undefined), 0.8);
  near(share((each) => each?.gray === true), 0.2);
  near(share((each) => each === undefined), 0.16); // neither
  near(share((each) => each?.gray === true && each.jitter !== undefined), 0.16);
  for (let i = 0; i < 50; i++) {
    const random = () => new Random(2, `clip ${i}`);
    assert.is(drawColours(3, { jitter: 0, gray: 0 }, random()), undefined);
    const least = { next: () => 0 } as Random;
    assert.is(drawColours(3, { jitter: 0, gray: 0 }, least), undefined, 'whatever is drawn');
    assert.ok(drawColours(3, { jitter: 1, gray: 1 }, random())?.every(({ jitter, gray }) => jitter && gray));
  }
});

test('a share of clips is those whose draw is below it', () => {
  const drawn = (...numbers: number[]) => {
    const random = { next: () => numbers.shift() ?? 0.25, permutation: () => Int32Array.of(0, 1, 2, 3) };
    const [first] = drawColours(1, { jitter: 0.5, gray: 0.25 }, random as unknown as Random) ?? [];
    return first && [first.jitter !== undefined, first.gray];
  };
  assert.equal([drawn(0.5, 0.25), drawn(0.49, 0.25), drawn(0.5, 0.24), drawn(0.49, 0.24)], [undefined, [true, false], [
    false,
    true,
  ], [true, true]]);
});

test('factors, hues and orders are drawn anew for each frame, as far as the recipe goes, and gray for the clip', () => {
  const frames = Array.from({ length: 300 },
    (_, i) => drawColours(8, { jitter: 1, gray: 0.5 }, new Random(3, `clip ${i}`)) as Colouring[]);
  assert.ok(frames.every((clip) => new Set(clip.map(({ gray }) => gray)).size === 1));
  const all = frames.flat().map(({ jitter }) => jitter as NonNullable<Colouring['jitter']>);
  const spans: [(typeof STEPS)[number], number, number][] = [['brightness', 0.6, 1.4], ['contrast', 0.6, 1.4], [
    'saturation',
    0.8,
    1.2,
  ], ['hue', -0.1, 0.1]];
  for (const [step, low, high] of spans) {
    const values = all.map((jitter) => jitter[step]);
    const edge = (high - low) / 100;
    assert.ok(values.every((value) => value >= low && value <= high), step);
    assert.ok(Math.min(...values) < low + edge && Math.max(...values) > high - edge, `${step}: all of the span`);
    const mean = values.reduce((a, b) => a + b) / values.length;
    assert.ok(Math.abs(mean - (low + high) / 2) < 2 * edge, `${step}: ${mean}`);
    assert.is(new Set(values).size > 2390, true, `${step}: no two alike`);
  }
  const orders = new Map<string, number>();
  for (const { order } of all) orders.set(order.join(), (orders.get(order.join()) ?? 0) + 1);
  assert.is(orders.size, 24);
  assert.ok([...orders.values()].every((n) => n > 60 && n < 140), `${[...orders.values()]}`); // 100 each
});

/** Noise: every sample differs from its neighbours. */
function noise(width: number, height: number, name: string): I420Frame {
  const random = new Random(1, name);
  return { width, height, matrix: 'bt601', range: 'limited',
    data: Uint8Array.from({ length: width * height * 1.5 }, () => random.below(256)) };
}

const CLIPS = 6;
const LENGTH = 3;
const INPUT = { size: 16, mean: [123.675, 116.28, 103.53], std: [58.395, 57.12, 57.375] } as const;
const pictures = Array.from({ length: CLIPS * LENGTH }, (_, i) => noise(40, 30, `picture ${i}`));
const crop = { x: 2.5, y: 1, width: 30, height: 28 };
/** Every other clip is coloured. */
const views = Array.from({ length: CLIPS },
  (_, i): View => ({ frames: [0, 1, 2], crop, flip: i % 2 === 1,
    ...(i % 2 === 0 && { colours: drawColours(LENGTH, { jitter: 1, gray: 0.5 }, new Random(4, `clip ${i}`)) }) }));

async function pixels(on: Gpu, shown: readonly View[], frames = pictures): Promise<Uint32Array> {
  using y = pixelsOf(on, { frames, views: shown }, INPUT);
  return new Uint32Array((await y.read()).buffer);
}

/** Kernels that are dispatched for pixels, in their order. */
function dispatched(shown: readonly View[]): string[] {
  const names: string[] = [];
  const append = gpu.append.bind(gpu);
  gpu.append = (command) => {
    if (command.kind === 'dispatch') names.push(command.label.split('.')[0]);
    append(command);
  };
  try {
    pixelsOf(gpu, { frames: pictures, views: shown }, INPUT).dispose();
  } finally {
    delete (gpu as Partial<Gpu>).append; // the class has it still
  }
  return names;
}

test('a clip without colours has the same bits beside coloured ones, and a batch of such clips one dispatch alone', async () => {
  const plain = views.map(({ colours: _, ...view }) => view);
  const [coloured, uncoloured] = [await pixels(gpu, views), await pixels(gpu, plain)];
  const clipSize = coloured.length / CLIPS;
  for (let i = 0; i < CLIPS; i++) {
    const [a, b] = [coloured, uncoloured].map((all) => all.slice(i * clipSize, (i + 1) * clipSize));
    if (i % 2 === 1) assert.equal(a, b, `clip ${i}`);
    else assert.not.equal(a, b, `clip ${i}`);
  }
  assert.equal(dispatched(plain), ['frames']);
  assert.equal(dispatched(views), ['frames', 'colour_mean', 'colour']);
});

test('each frame has its own colours, in ranges and through a small binding too, in memory that is bounded', async () => {
  const whole = await pixels(gpu, views);
  const BINDING = 20_480;
  await using small = await openWithBindings(BINDING);
  assert.equal(await pixels(small, views), whole);
  assert.ok(small.pool.peak < 4 * whole.length + BINDING + 2 ** 13, `${small.pool.peak} B`);
  const frameSize = whole.length / CLIPS / LENGTH;
  for (const [i, view] of views.entries()) {
    for (let t = 0; t < LENGTH; t++) {
      const alone = { ...view, colours: view.colours && [view.colours[t]] };
      const frame = i * LENGTH + t;
      assert.equal(await pixels(gpu, [alone], [pictures[frame]]),
        whole.slice(frame * frameSize, (frame + 1) * frameSize), `clip ${i}, frame ${t}`);
    }
  }
});

const folder = mkdtempSync(join(tmpdir(), 'firstlight-views-'));
const NAMES = ['a.mp4', 'b.webm', 'c.avi', 'd.mkv', 'e.mp4', 'f.mov', 'g.mp4'];
NAMES.forEach((name, i) => writeVideo(join(folder, name), clip(3 + 2 * i, 64 + 16 * (i % 3), 48)));
const entries = NAMES.map((name, label) => ({ path: join(folder, name), label }));
const OPTIONS: DatasetOptions = { frames: 4, size: 32, crop: true, flip: true, colours: RECIPE, seed: 5 };

/** Labels and pixels of a batch, in a few letters. */
async function bitsOf(batch: Batch): Promise<string> {
  using y = pixelsOf(gpu, batch, { ...INPUT, size: 32 });
  return `${batch.labels.join()} ${createHash('sha256').update(new Uint8Array((await y.read()).buffer)).digest('hex')}`;
}

async function allBits(batches: AsyncIterable<Batch>): Promise<string[]> {
  const all: string[] = [];
  for await (const batch of batches) all.push(await bitsOf(batch));
  return all;
}

test('training has the same bits with 0, 1, 2 and 4 threads, from a cache, and wherever it is resumed', async () => {
  const read = async (options: Partial<DatasetOptions>) => {
    await using dataset = new Dataset(entries, { ...OPTIONS, ...options });
    return [...await allBits(dataset.training(0, 2)), ...await allBits(dataset.training(1, 2))];
  };
  const alone = await read({});
  assert.is(new Set(alone).size, 6, 'three batches in each of two epochs, no two alike');
  for (const workers of [1, 2, 4]) assert.equal(await read({ workers, ahead: 8 }), alone, `${workers} threads`);
  const cache = { folder: join(folder, 'cache'), bytes: 2 ** 30 };
  for (const state of ['filled', 'found']) assert.equal(await read({ cache }), alone, state);
  for (let step = 0; step < 6; step++) {
    await using dataset = new Dataset(entries, OPTIONS);
    assert.is(await bitsOf(await new BatchesByStep(dataset, 2, 1).read(step, 0)), alone[step], `from step ${step}`);
  }
});

test('colours are of training alone, and change neither frames nor crops nor mirroring', async () => {
  const views = async (options: Partial<DatasetOptions>) => {
    const dataset = new Dataset(entries, { ...OPTIONS, ...options });
    const [training, evaluation]: View[][] = [[], []];
    for await (const batch of dataset.training(3, 1)) training.push(...batch.views);
    for await (const batch of dataset.evaluation(1, trainingPreprocessor(32, true))) evaluation.push(...batch.views);
    return { training, evaluation };
  };
  const [recipe, never] = [await views({}), await views({ colours: undefined })];
  assert.equal(recipe.evaluation, never.evaluation);
  assert.ok(recipe.evaluation.every(({ colours }) => colours === undefined));
  assert.ok(recipe.training.some(({ colours }) => colours !== undefined));
  assert.ok(never.training.every(({ colours }) => colours === undefined));
  const look = ({ colours: _, ...view }: View) => view;
  assert.equal(recipe.training.map(look), never.training.map(look));
});

test('training and evaluation take the frames of their own patterns', async () => {
  const [sparse, dense]: Pattern[] = [{ kind: 'sparse' }, { kind: 'dense', stride: 2 }];
  for (const [training, evaluation] of [[sparse, dense], [dense, sparse]]) {
    const dataset = new Dataset(entries, { ...OPTIONS, patterns: { training, evaluation } });
    const clipFrames = (batch: Batch) => [batch.indices[0], batch.views[0].frames] as const;
    for await (const batch of dataset.evaluation(1, trainingPreprocessor(32, true))) {
      const [index, frames] = clipFrames(batch);
      assert.equal(frames, sampleForEvaluation(3 + 2 * index, 4, evaluation));
    }
    for await (const batch of dataset.training(2, 1)) {
      const [index, frames] = clipFrames(batch);
      const random = new Random(OPTIONS.seed, `frames of ${index} in epoch 2`);
      assert.equal(frames, sampleForTraining(3 + 2 * index, 4, random, training));
    }
  }
});

test.after(async () => {
  await gpu.close();
  rmSync(folder, { recursive: true, force: true });
});
test.run();
