/** Clips that cannot be decoded are replaced and listed; too many of them end the run. */
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { DatasetError, VideoDecodeError } from '../engine/errors.ts';
import type { Gpu, Tensor } from '../engine/index.ts';
import type { VideoModel } from '../model/systems/system.ts';
import { type Batch, Dataset, type DatasetOptions } from '../train/data/loading/dataset.ts';
import { Quarantine, QUARANTINE_FILE, quarantineText, readQuarantine } from '../train/data/loading/quarantine.ts';
import { rgbToI420 } from '../train/data/video/i420.ts';
import { evaluate, topShare } from '../train/protocols/evaluation.ts';
import { trainingPreprocessor } from '../train/run/system.ts';
import { writeVideo } from '../train/data/video/encode.ts';

const folder = mkdtempSync(join(tmpdir(), 'firstlight-quarantine-'));
const at = (name: string) => join(folder, name);

const CLIPS = 20;
const BAD = [3, 4, 11];
const entries = Array.from({ length: CLIPS }, (_, label) => ({ path: at(`${label}.avi`), label }));

/** A clip of one shade, which tells it from the others. */
const writeClip = (label: number) => {
  const rgb = new Uint8Array(3 * 32 * 32).fill(40 + 8 * label);
  writeVideo(entries[label].path, [rgbToI420(rgb, 32, 32, { matrix: 'bt601', range: 'limited' })]);
};
for (let label = 0; label < CLIPS; label++) {
  if (BAD.includes(label)) writeFileSync(entries[label].path, 'nonsense');
  else writeClip(label);
}

const PREPROCESSOR = trainingPreprocessor(32, true);
const OPTIONS: DatasetOptions = { frames: 1, size: 32, crop: true, flip: true, seed: 5 };

function datasetOf(options: Partial<DatasetOptions> = {}, clips = new Quarantine(), maxShare = 0.2): Dataset {
  return new Dataset(entries, { ...OPTIONS, quarantine: { clips, maxShare, list: 'train.txt' }, ...options });
}

async function collect(batches: AsyncIterable<Batch>): Promise<Batch[]> {
  const all: Batch[] = [];
  for await (const batch of batches) all.push(batch);
  return all;
}

const indicesOf = (batches: readonly Batch[]) => batches.flatMap(({ indices }) => [...indices]);

test('a clip that cannot be decoded is replaced by one that the seed draws for its place; all others stay where they are', async () => {
  const whole = new Dataset(entries.map((entry) => ({ ...entry, path: entries[0].path })), OPTIONS);
  for (const epoch of [0, 1]) {
    const wanted = indicesOf(await collect(whole.training(epoch, 4)));
    const batches = await collect(datasetOf().training(epoch, 4));
    const got = indicesOf(batches);
    assert.equal(batches.flatMap(({ labels }) => [...labels]), got);
    got.forEach((index, place) => {
      assert.not(BAD.includes(index));
      if (!BAD.includes(wanted[place])) assert.is(index, wanted[place]);
    });
    assert.is(got.filter((index, place) => index !== wanted[place]).length, BAD.length);
    // each clip has a shade of its own: what stands in the batch is the clip that it says
    for (const { frames, indices } of batches) {
      frames.forEach(({ data }, i) => assert.ok(Math.abs(data[0] - (16 + (219 / 255) * (40 + 8 * indices[i]))) < 3));
    }
  }
});

test('replacements depend neither on threads, nor on what was met before, nor on where the epoch was begun', async () => {
  const alone = await collect(datasetOf().training(2, 4));
  await using threads = datasetOf({ workers: 2, ahead: 16 });
  assert.equal(await collect(threads.training(2, 4)), alone);
  assert.equal(await collect(threads.training(2, 4)), alone, 'all that is bad is known by now');
  for (const first of [1, 3, 4]) assert.equal(await collect(datasetOf().training(2, 4, first)), alone.slice(first));
});

test('what is quarantined stands in the run folder once, with reason and time, and is told once', async () => {
  mkdirSync(at('run'));
  const told: string[] = [];
  const clips = new Quarantine({ folder: at('run'), onMeeting: ({ path }) => told.push(path) });
  const dataset = datasetOf({}, clips);
  for (const epoch of [0, 1]) await collect(dataset.training(epoch, 4));
  const listed = readQuarantine(at('run'));
  assert.equal(listed.map(({ path }) => path), told);
  assert.equal(told.toSorted(), BAD.map((index) => entries[index].path).toSorted());
  for (const { reason, epoch, index, path, time } of listed) {
    assert.equal([path, epoch], [entries[index].path, 0]);
    assert.match(reason, /is a text, not a video/);
    assert.ok(Math.abs(Date.parse(time) - Date.now()) < 60_000);
  }
  assert.match(quarantineText(listed, 'were replaced'),
    /^3 clips could not be decoded and were replaced:\n {2}.*avi: is/);
});

test('a resumed run goes on with the list: a line that a crash cut off is gone, none comes twice, a new run begins anew', async () => {
  const file = join(at('run'), QUARANTINE_FILE);
  const before = readFileSync(file, 'utf8');
  appendFileSync(file, '{"path":"/x.mp4","rea');
  const clips = new Quarantine({ folder: at('run'), isResumed: true });
  assert.is(clips.clips.length, 3);
  await collect(datasetOf({}, clips).training(0, 4));
  assert.is(readFileSync(file, 'utf8'), before);
  appendFileSync(file, '{"path":3}\n');
  assert.throwsWith(() => readQuarantine(at('run')), /quarantine\.jsonl:4: not an entry of a quarantine/, {
    code: 'FL_LOG',
  });
  new Quarantine({ folder: at('run') });
  assert.equal(readQuarantine(at('run')), []);
});

test('more than the share that is allowed ends the epoch, at the same batch with any number of threads', async () => {
  for (const workers of [0, 2]) {
    const clips = new Quarantine();
    await using dataset = datasetOf({ workers, ahead: 16 }, clips, 2 / CLIPS);
    const seen: number[] = [];
    const error = await assert.rejectsWith((async () => {
      for await (const { indices } of dataset.training(0, 1)) seen.push(indices[0]);
    })(), DatasetError,
      /^train\.txt: 3 of its 20 clips cannot be decoded, data\.maxBadShare allows a share of 0\.1; .*\n.*avi: is a text/);
    assert.is((error.context.problems as unknown[]).length, 4);
    const order = indicesOf(await collect(datasetOf().training(0, 1)));
    assert.equal(seen, order.slice(0, seen.length));
    assert.is(clips.clips.length, 3);
  }
  await collect(datasetOf({}, new Quarantine(), 3 / CLIPS).training(0, 1));
});

test('without a readable clip there is an error, whatever the share', async () => {
  const clips = new Quarantine();
  const dataset = new Dataset(BAD.map((index) => entries[index]), { ...OPTIONS,
    quarantine: { clips, maxShare: 1, list: 'train.txt' } });
  await assert.rejectsWith(collect(dataset.training(0, 1)), DatasetError,
    /avi: cannot be decoded, nor can any of 100 clips that were drawn in its place/);
});

test('a run that was moved with its clips knows them by their new paths', () => {
  const [first, moved] = [at('first'), at('moved')];
  mkdirSync(join(first, 'run'), { recursive: true });
  const clip = { reason: 'bad', epoch: 0, index: 1 };
  using before = new Quarantine({ folder: join(first, 'run') });
  before.add({ ...clip, path: join(first, 'clips', 'a.mp4') });
  renameSync(first, moved);
  using again = new Quarantine({ folder: join(moved, 'run'), isResumed: true });
  assert.ok(again.has(join(moved, 'clips', 'a.mp4')));
  again.add({ ...clip, path: join(moved, 'clips', 'a.mp4') });
  assert.equal(readQuarantine(join(moved, 'run')).map(({ path }) => path), [join(moved, 'clips', 'a.mp4')]);
});

test('a clip that was put right since is read again by a resumed run, and no longer listed', async () => {
  const before = new Quarantine({ folder: at('run') });
  before.add({ path: entries[5].path, reason: 'was bad', epoch: 0, index: 5 });
  const again = new Quarantine({ folder: at('run'), isResumed: true });
  assert.ok(again.has(entries[5].path));
  const batches = await collect(datasetOf({}, again).training(0, 20));
  assert.ok(indicesOf(batches).includes(5));
  assert.not(again.has(entries[5].path));
  assert.equal(again.clips.length, BAD.length);
});

test('an evaluation gives every clip once, the bad ones apart, with their reasons', async () => {
  const clips = new Quarantine();
  const batches = await collect(datasetOf({}, clips, 0).evaluation(3, PREPROCESSOR));
  assert.equal(indicesOf(batches), entries.map((_, i) => i).filter((i) => !BAD.includes(i)));
  const bad = batches.flatMap((batch) => batch.bad);
  assert.equal(bad.map(({ index, label, path }) => [index, label, path]), BAD.map((i) => [i, i, entries[i].path]));
  assert.ok(bad.every(({ reason }) => /is a text/.test(reason)));
  assert.equal(batches.map(({ views }) => views.length), [3, 1, 3, 2, 3, 3, 2]);
  assert.is(clips.clips.length, 3);
});

test('a clip that cannot be decoded is a wrong answer of an evaluation, with the reason', async () => {
  const batches = await collect(
    new Dataset(BAD.map((index) => entries[index]), { ...OPTIONS,
      quarantine: { clips: new Quarantine(), maxShare: 0, list: 'val.txt' } }).evaluation(2, PREPROCESSOR),
  );
  // nothing is left to be looked at, so neither a GPU nor a model is asked
  const [gpu, model] = [{}, {}] as [Gpu, VideoModel];
  const features = { shape: [CLIPS, 8] } as unknown as Tensor;
  const done: number[] = [];
  async function* given() {
    yield* batches;
  }
  const predictions = await evaluate(gpu, model, given(), { features,
    input: { size: 32, mean: [0, 0, 0], std: [1, 1, 1] }, onProgress: (clips) => done.push(clips) });
  assert.equal(predictions.map(({ index, label, ranking }) => [index, label, ranking]),
    BAD.map((label, index) => [index, label, []]));
  assert.ok(predictions.every(({ unreadable }) => /is a text/.test(String(unreadable))));
  assert.equal([topShare(predictions, 1), topShare(predictions, 5)], [0, 0]);
  assert.equal(done, [2, 3]);
});

test('without a quarantine a bad file is an error', async () => {
  const dataset = new Dataset(entries, OPTIONS);
  await assert.rejectsWith(collect(dataset.evaluation(4, PREPROCESSOR)), VideoDecodeError, /3\.avi: is a text/);
});

test.after(() => rmSync(folder, { recursive: true }));
test.run();
