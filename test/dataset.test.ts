import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { VideoDecodeError } from '../engine/errors.ts';
import { type Batch, Dataset } from '../train/data/loading/dataset.ts';
import { inOrder } from '../train/data/loading/in_order.ts';
import { LoadingRates } from '../train/data/loading/rates.ts';
import { writeVideo } from '../train/data/video/encode.ts';
import { i420Bytes } from '../kernels/frames/index.ts';
import { rgbToI420 } from '../train/data/video/i420.ts';
import type { Entry } from '../train/data/sets/lists.ts';
import { writePng } from '../train/data/video/stills.ts';
import { trainingPreprocessor } from '../train/run/system.ts';

const folder = mkdtempSync(join(tmpdir(), 'firstlight-dataset-'));
const at = (name: string) => join(folder, name);

const SQUARE = trainingPreprocessor(32, false);
const [WIDTH, HEIGHT, FRAMES] = [48, 32, 4];
/** Of the frames of a clip, cut to the square of 32 in the middle and four pixels around it. */
const CLIP_BYTES = FRAMES * i420Bytes(40, 32);

/** One colour per clip, a little lighter with every frame. */
function writeClip(path: string, shade: number): void {
  const frames = Array.from({ length: FRAMES },
    (_, t) =>
      rgbToI420(new Uint8Array(3 * WIDTH * HEIGHT).fill(shade + 10 * t), WIDTH, HEIGHT, { matrix: 'bt601',
        range: 'limited' }));
  writeVideo(path, frames);
}

const entriesOf = (names: readonly string[]): Entry[] => names.map((name, label) => ({ path: at(name), label }));
const datasetOf = (names: readonly string[], cacheBytes?: number) =>
  new Dataset(entriesOf(names), { frames: FRAMES, size: 32, crop: false, flip: false, seed: 1, cacheBytes });

async function collect(batches: AsyncIterable<Batch>): Promise<Batch[]> {
  const all: Batch[] = [];
  for await (const batch of batches) all.push(batch);
  return all;
}

async function isReadable(dataset: Dataset): Promise<boolean> {
  try {
    await collect(dataset.evaluation(1, SQUARE));
    return true;
  } catch (error) {
    assert.instance(error, VideoDecodeError);
    return false;
  }
}

test('the cache holds as many bytes of frames as it may, and no more', async () => {
  for (const [clips, kept] of [[0, 0], [1, 1], [2.5, 2], [3, 3]]) {
    const names = ['a.mp4', 'b.webm', 'c.avi'];
    names.forEach((name, i) => writeClip(at(name), 60 + 40 * i));
    const dataset = datasetOf(names, clips * CLIP_BYTES);
    await collect(dataset.evaluation(1, SQUARE));
    // What is kept needs no file any more: files vanish in the order in which they were read.
    for (const [i, name] of names.entries()) {
      rmSync(at(name));
      assert.is(await isReadable(dataset), i < kept, `room for ${clips} clips, ${name} gone`);
    }
  }
});

test('frames own their memory, all of it and nothing more', async () => {
  writeClip(at('own.mp4'), 100);
  const [{ frames }] = await collect(datasetOf(['own.mp4']).evaluation(1, SQUARE));
  for (const { data } of frames) assert.equal([data.byteOffset, data.buffer.byteLength], [0, i420Bytes(40, 32)]);
});

test('a file that a list names twice is kept once', async () => {
  writeClip(at('twice.mp4'), 100);
  const [first, second] = await collect(datasetOf(['twice.mp4', 'twice.mp4']).evaluation(1, SQUARE));
  assert.equal([first.labels[0], second.labels[0]], [0, 1]);
  assert.is(first.frames[0], second.frames[0]);
});

test('a picture is a video of one frame, whose frame is repeated', async () => {
  writePng(at('still.png'), new Uint8Array(3 * 6 * 4).fill(90), 6, 4);
  const [{ frames, views }] = await collect(datasetOf(['still.png']).evaluation(1, SQUARE));
  assert.equal([frames.length, views[0].frames], [FRAMES, [0, 0, 0, 0]]);
  assert.ok(frames.every((frame) => frame === frames[0]));
});

test('a reader that stops early leaves no error behind, even if the next file is broken', async () => {
  writeClip(at('good.mp4'), 100);
  const unhandled: unknown[] = [];
  const listen = (error: unknown) => unhandled.push(error);
  process.on('unhandledRejection', listen);
  for await (const batch of datasetOf(['good.mp4', 'absent.mp4']).evaluation(1, SQUARE)) {
    assert.is(batch.labels[0], 0);
    break;
  }
  await new Promise((resolve) => setTimeout(resolve, 50));
  process.off('unhandledRejection', listen);
  assert.equal(unhandled, []);
});

test('jobs are started ahead, as many as may lie about and no more, and their results come in order', async () => {
  for (const ahead of [0, 1, 3]) {
    let started = 0;
    const ends: (() => void)[] = [];
    const results = inOrder(6, ahead, (job) => {
      started++;
      return new Promise<number>((resolve) => ends.push(() => resolve(job)));
    });
    for (let taken = 0; taken < 6; taken++) {
      const next = results.next();
      await Promise.resolve();
      assert.is(started, Math.min(6, taken + ahead + 1), `${ahead} ahead, ${taken} taken`);
      for (const end of [...ends].reverse()) end(); // the last one is ready first
      assert.equal(await next, { value: taken, done: false });
    }
    assert.is((await results.next()).done, true);
  }
});

test('a job that fails is an error in its turn', async () => {
  const results = inOrder(3, 2, (job) => (job === 1 ? Promise.reject(new Error('1 failed')) : Promise.resolve(job)));
  assert.equal(await results.next(), { value: 0, done: false });
  await assert.rejectsWith(results.next(), '1 failed');
});

test('the log gets the mean wait and what all threads can decode, each since the last time', () => {
  const dataset = { threads: 3, decoded: { clips: 0, milliseconds: 0 } };
  const rates = new LoadingRates(dataset);
  assert.equal(rates.take(), {});
  for (const seconds of [0.5, 1, 1.5]) rates.wait(seconds);
  dataset.decoded = { clips: 8, milliseconds: 2000 };
  assert.equal(rates.take(), { dataWait: 1, decodedPerSecond: 12 });
  rates.wait(0);
  assert.equal(rates.take(), { dataWait: 0 });
  const others = new LoadingRates(dataset);
  others.wait(0.5);
  dataset.decoded = { clips: 9, milliseconds: 2500 };
  assert.equal(others.take(), { dataWait: 0.5, decodedPerSecond: 6 });
  dataset.decoded = { clips: 11, milliseconds: 2500 };
  assert.equal(others.take(), {}, 'in no time that a clock tells');
});

test.after(() => rmSync(folder, { recursive: true }));
test.run();
