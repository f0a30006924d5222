/** What is read, kept in memory and replaced, in which order, without a file that has to be decoded. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { DatasetError, FirstlightError, VideoDecodeError } from '../engine/errors.ts';
import { Random } from '../engine/random.ts';
import { type I420Frame, i420Bytes } from '../kernels/frames/i420.ts';
import { BatchesByStep } from '../train/data/loading/batches.ts';
import type { Share } from '../train/recipe/gradient.ts';
import { Dataset, type DatasetOptions } from '../train/data/loading/dataset.ts';
import { freeProcessors, threadsFor } from '../train/data/loading/decoders.ts';
import { FrameCache } from '../train/data/loading/frame_cache.ts';
import { PieceStream } from '../train/data/loading/pieces.ts';
import { Quarantine, quarantineText, readQuarantine } from '../train/data/loading/quarantine.ts';
import { planOf, type Sample, type SampleRequest } from '../train/data/loading/plan.ts';
import { writeVideo } from '../train/data/video/encode.ts';
import { rgbToI420 } from '../train/data/video/i420.ts';
import { readClip, readClipParts } from '../train/data/video/read.ts';
import { writePng } from '../train/data/video/stills.ts';
import { trainingPreprocessor } from '../train/run/system.ts';

const folder = mkdtempSync(join(tmpdir(), 'firstlight-order-'));
const at = (name: string) => join(folder, name);
test.after(() => rmSync(folder, { recursive: true }));
const SQUARE = trainingPreprocessor(4, false);

/** Pictures of one colour each; those in `broken` are none. */
function entriesOf(count: number, broken: readonly number[] = []) {
  return Array.from({ length: count }, (_, i) => {
    const name = `${broken.includes(i) ? 'broken' : 'sound'}${i}.png`;
    if (broken.includes(i)) writeFileSync(at(name), 'no picture');
    else writePng(at(name), new Uint8Array(3 * 36).fill(10 * i), 6, 6);
    return { path: at(name), label: 2 * i };
  });
}
const datasetOf = (entries: ReturnType<typeof entriesOf>, options: Partial<DatasetOptions> = {}) =>
  new Dataset(entries, { frames: 1, size: 4, crop: false, flip: false, seed: 5, ...options });

test('steps take their micro-batches epoch after epoch, in order from one stream, and any other step anew', async () => {
  const asked: number[][] = [];
  const dataset = {
    trainingBatches: (batch: number) => Math.floor(23 / batch),
    async *training(epoch: number, batch: number, first: number) {
      asked.push([epoch, batch, first]);
      for (let micro = first;; micro++) yield { epoch, micro };
    },
  } as unknown as Dataset;
  const batches = new BatchesByStep(dataset, 3, 2); // 7 batches in an epoch, of which 6 make 3 steps
  assert.equal([batches.size, batches.stepsPerEpoch], [3, 3]);
  const read = async (step: number, micro: number) => Object.values(await batches.read(step, micro)).join();
  const all: string[] = [];
  for (let step = 0; step < 5; step++) for (const micro of [0, 1]) all.push(await read(step, micro));
  assert.equal(all, ['0,0', '0,1', '0,2', '0,3', '0,4', '0,5', '1,0', '1,1', '1,2', '1,3']);
  assert.equal(asked, [[0, 3, 0], [1, 3, 0]]);
  assert.equal([await read(8, 1), await read(8, 1), await read(4, 1), await read(5, 0)], ['2,5', '2,5', '1,3', '1,4']);
  assert.equal(asked.slice(2), [[2, 3, 5], [2, 3, 5], [1, 3, 3]]);
});

test('a process that has some of the micro-batches reads them alone, from one stream, as all of them would be', async () => {
  const entries = entriesOf(26);
  const accumulation = 4; // 13 batches of 2 in an epoch, of which 12 make 3 steps
  const read = async (share?: Share) => {
    const dataset = datasetOf(entries);
    let streams = 0;
    const { training } = dataset;
    dataset.training = (...asked) => {
      streams++;
      return training.apply(dataset, asked);
    };
    const batches = new BatchesByStep(dataset, 2, accumulation, share);
    const { first, count } = share ?? { first: 0, count: accumulation };
    const found: string[] = [];
    for (let step = 0; step < 5; step++) {
      for (let micro = first; micro < first + count; micro++) {
        found[accumulation * step + micro] = `${(await batches.read(step, micro)).indices}`;
      }
    }
    return { found, streams, clips: dataset.decoded.clips };
  };
  const all = await read();
  const halves = [await read({ first: 0, count: 2 }), await read({ first: 2, count: 2 })];
  assert.equal([all, ...halves].map(({ streams }) => streams), [2, 2, 2]);
  assert.equal(all.found.map((_, i) => halves[i % accumulation < 2 ? 0 : 1].found[i]), all.found);
  assert.ok(halves.every(({ clips }) => clips < 0.7 * all.clips));
});

test('a pass gives whole batches of an order that seed and epoch draw, from any batch on; an evaluation gives all', async () => {
  const entries = entriesOf(7);
  const dataset = datasetOf(entries);
  const places = async (
    batches: AsyncIterable<{ indices: Int32Array; labels: Int32Array; views: readonly unknown[] }>,
  ) => {
    const all: number[][] = [];
    for await (const { indices, labels, views } of batches) {
      assert.equal([...labels], [...indices].map((index) => 2 * index));
      assert.is(views.length, indices.length);
      all.push([...indices]);
    }
    return all;
  };
  const order = (epoch: number) => Array.from(new Random(5, `order of epoch ${epoch}`).permutation(7));
  const pass = await places(dataset.training(3, 2));
  assert.equal(pass, [0, 2, 4].map((first) => order(3).slice(first, first + 2)));
  for (const first of [1, 2, 3]) assert.equal(await places(dataset.training(3, 2, first)), pass.slice(first));
  assert.equal([1, 2, 3, 7, 8].map((batch) => dataset.trainingBatches(batch)), [7, 3, 2, 1, 0]);
  assert.equal(await places(dataset.evaluation(3, SQUARE)), [[0, 1, 2], [3, 4, 5], [6]]);
  assert.equal(await places(dataset.evaluation(7, SQUARE)), [[0, 1, 2, 3, 4, 5, 6]]);
  assert.is(dataset.threads, 1);
  const own = datasetOf(entries, { order: () => Int32Array.of(6, 5, 4, 3, 2, 1, 0) });
  assert.equal(await places(own.training(0, 3)), [[6, 5, 4], [3, 2, 1]]);
});

test('a clip that cannot be decoded is replaced as its place draws, told once, and counts against the share', async () => {
  const entries = entriesOf(6, [1, 4]);
  const quarantined = async (maxShare: number) => {
    const met: string[] = [];
    using clips = new Quarantine({
      onMeeting: ({ path, epoch, index }) => met.push(`${path === entries[index].path} ${epoch} ${index}`),
    });
    const dataset = datasetOf(entries, { quarantine: { clips, maxShare, list: 'list.txt' } });
    const indices: number[] = [];
    for (const epoch of [0, 1]) for await (const batch of dataset.training(epoch, 2)) indices.push(...batch.indices);
    return { met, indices };
  };
  const { met, indices } = await quarantined(1 / 3);
  const expected = [0, 1].flatMap((epoch) =>
    Array.from(new Random(5, `order of epoch ${epoch}`).permutation(6), (index, place) => {
      let own = index;
      for (let attempt = 1; own === 1 || own === 4; attempt++) {
        own = new Random(5, `replacement ${attempt} of place ${place} in epoch ${epoch}`).below(6);
      }
      return own;
    })
  );
  assert.equal(indices, expected);
  assert.equal([...met].sort(), ['true 0 1', 'true 0 4']);
  const refusal = await assert.rejectsWith(quarantined(0.33), DatasetError);
  assert.match(refusal.message,
    /^list\.txt: 2 of its 6 clips cannot be decoded, data\.maxBadShare allows a share of 0\.33;/);
  assert.equal((refusal.context.problems as { line: number; file: string }[]).map(({ line, file }) => [line, file]), [[
    0,
    'list.txt',
  ], [0, entries[1].path], [0, entries[4].path]]);
  const none = datasetOf(entriesOf(2, [0, 1]), { quarantine: { clips: new Quarantine(), maxShare: 1, list: 'l' } });
  await assert.rejectsWith((async () => {
    for await (const _ of none.training(0, 1)) assert.unreachable();
  })(), DatasetError, /cannot be decoded, nor can any of 100 clips that were drawn in its place$/);
  const bad = [];
  for await (const batch of datasetOf(entries, { quarantine: { clips: new Quarantine(), maxShare: 0, list: 'l' } })
    .evaluation(4, SQUARE)) bad.push(...batch.bad.map(({ index, label, path }) => [index, label, path]));
  assert.equal(bad, [[1, 2, entries[1].path], [4, 8, entries[4].path]]);
  await assert.rejectsWith(datasetOf(entries).evaluation(6, SQUARE).next(), VideoDecodeError);
});

test('a quarantine is lines of a file, kept from whole ones on; what is told of it is ten clips and how many more', () => {
  const [run, clip] = [mkdtempSync(at('run-')), at('sound0.png')];
  {
    using clips = new Quarantine({ folder: run });
    clips.add({ path: clip, reason: 'is cut off', epoch: 2, index: 7 });
    clips.add({ path: clip, reason: 'another', epoch: 3, index: 7 });
    assert.equal([clips.has(clip), clips.wasMet(clip), clips.has('x')], [true, true, false]);
  }
  const file = join(run, 'quarantine.jsonl');
  const [{ path, reason, epoch, index, time }, ...others] = readQuarantine(run);
  assert.equal([path, reason, epoch, index, others], [clip, 'is cut off', 2, 7, []]);
  assert.ok(Math.abs(Date.now() - Date.parse(time)) < 60_000);
  const whole = readFileSync(file, 'utf8');
  writeFileSync(file, `${whole}{"path":"cut`);
  {
    using resumed = new Quarantine({ folder: run, isResumed: true });
    assert.equal([resumed.has(clip), resumed.wasMet(clip)], [true, false]);
    resumed.release(clip);
    assert.equal(resumed.clips, []);
  }
  assert.is(readFileSync(file, 'utf8'), whole);
  writeFileSync(file, `${whole}{"path":7}\n`);
  assert.throwsWith(() => readQuarantine(run), FirstlightError, `${file}:2: not an entry of a quarantine`);
  new Quarantine({ folder: run });
  assert.equal(readQuarantine(run), []);
  const told = (count: number) =>
    quarantineText(Array.from({ length: count }, (_, i) => ({ path: `${i}\u0007`, reason: 'is\u001b cut off' })),
      'left out').split('\n');
  assert.equal(told(1), ['1 clip could not be decoded and left out:', '  0\\u0007: is\\u001b cut off']);
  assert.equal([told(2)[0], told(10).length, told(11).length, told(1200)[0]], [
    '2 clips could not be decoded and left out:',
    11,
    12,
    '1,200 clips could not be decoded and left out:',
  ]);
  assert.equal([told(10).at(-1), told(12).at(-1)], ['  9\\u0007: is\\u001b cut off', '  … and 2 more']);
});

test('frames are kept in memory up to a number of bytes, those of one file once, where all views are the same', () => {
  const bytes = i420Bytes(6, 6);
  const request = (path: string, crop: false | true = false): SampleRequest => ({ path, index: 0, purpose: { epoch: 0 },
    sampling: { frames: 2, size: 4, crop, flip: false, seed: 1 } });
  const sample = (own: SampleRequest): Sample => {
    const frames = [0, 1].map(() => ({ width: 6, height: 6, matrix: 'bt601' as const, range: 'full' as const,
      data: new Uint8Array(bytes) })
    );
    const indices = planOf(own).pick(2);
    return { frames, total: 2, views: [{ frames: indices, crop: { x: 0, y: 0, width: 6, height: 6 }, flip: false }] };
  };
  for (const [room, kept] of [[0, 0], [2 * bytes - 1, 0], [2 * bytes, 1], [4 * bytes - 1, 1], [4 * bytes, 2]]) {
    const cache = new FrameCache(room);
    for (const path of ['a', 'b']) {
      assert.is(cache.find(request(path)), undefined);
      const own = sample(request(path));
      assert.equal(cache.keep(request(path), own).frames, own.frames);
    }
    assert.is(['a', 'b'].filter((path) => cache.find(request(path)) !== undefined).length, kept, `${room} bytes`);
  }
  const cache = new FrameCache(1e6);
  const own = sample(request('a'));
  cache.keep(request('a'), own);
  const found = cache.find(request('a')) as Sample;
  assert.ok(found.frames.every((frame, i) => frame === own.frames[i]));
  assert.equal([found.total, found.views[0].frames], [2, [0, 1]]);
  assert.ok(cache.keep(request('a'), sample(request('a'))).frames.every((frame, i) => frame === own.frames[i]));
  cache.keep(request('c', true), sample(request('c', true)));
  assert.is(cache.find(request('c', true)), undefined, 'another part is drawn each time');
});

test('pieces are handed on together up to 64 MiB of frames, or 32 of them, and what is left at the end', async () => {
  const MIB = 2 ** 20;
  const taken: string[] = [];
  const streamOf = (seconds: number, from = 0) => {
    const stream = new PieceStream('x.mp4', { frames: 2, size: 4, resize: null, window: 1 }, { from,
      take: async ({ first, total, times, frames, views }) =>
        void taken.push(
          `${first} of ${total}: ${times.map(({ start }) => start)}; ${
            views.map((view) => view.frames).join(' ')
          }; ${frames.length}`,
        ) });
    // four frames a second, of which the second and the last are looked at
    const asked = stream.begin({ total: 4 * seconds, times: Array.from({ length: 4 * seconds }, (_, i) => i / 4) });
    return { stream, asked };
  };
  const give = async ({ stream, asked }: ReturnType<typeof streamOf>, bytes: number) => {
    taken.length = 0;
    const waits: number[] = [];
    for (const [i, index] of asked.entries()) {
      stream.take(index, { width: 4, height: 4, data: { length: bytes } } as unknown as I420Frame);
      const ready = stream.ready();
      if (ready !== undefined) waits.push(i);
      await ready;
    }
    await stream.end();
    return [waits, [...taken]];
  };
  assert.equal(streamOf(2).asked, [1, 3, 5, 7]);
  assert.equal(await give(streamOf(3), 16 * MIB), [[3], ['0 of 3: 0,1; 1,3 5,7; 4', '2 of 3: 2; 9,11; 2']]);
  assert.equal(await give(streamOf(3), 16 * MIB - 1), [[4], ['0 of 3: 0,1; 1,3 5,7; 4', '2 of 3: 2; 9,11; 2']]);
  assert.equal(await give(streamOf(2), 64 * MIB), [[1, 3], ['0 of 2: 0; 1,3; 2', '1 of 2: 1; 5,7; 2']]);
  assert.equal(await give(streamOf(3, 1), 1), [[], ['1 of 3: 1,2; 5,7 9,11; 4']]);
  const [waits, many] = await give(streamOf(33), 1);
  assert.equal([waits, many.length], [[63], 2]);
  assert.equal((await give(streamOf(31), 1))[0], []);
  const { stream } = streamOf(1);
  assert.throwsWith(() => stream.begin({ total: 2, times: undefined }), VideoDecodeError,
    'x.mp4: does not tell when its frames are shown, so no piece can be cut');
  assert.throwsWith(() => stream.begin({ total: 2, times: [0] }), RangeError, '1 times for 2 frames');
});

test('what was decoded is counted, with its time, and kept where there is a folder for it', async () => {
  const entries = entriesOf(3);
  const dataset = datasetOf(entries);
  assert.equal(dataset.decoded, { clips: 0, milliseconds: 0 });
  const start = performance.now();
  for (const _ of [0, 1]) for await (const batch of dataset.evaluation(2, SQUARE)) assert.ok(batch.views.length > 0);
  const { clips, milliseconds } = dataset.decoded;
  assert.is(clips, 3, 'from memory the second time');
  assert.ok(milliseconds > 0 && milliseconds <= performance.now() - start, `${milliseconds}`);
  const frame = rgbToI420(new Uint8Array(3 * 256).fill(90), 16, 16, { matrix: 'bt601', range: 'limited' });
  writeVideo(at('one.mp4'), [frame, frame]);
  const cache = { folder: at('kept'), bytes: 2 ** 20 };
  await using kept = datasetOf([{ path: at('one.mp4'), label: 0 }], { cache });
  for await (const batch of kept.evaluation(1, SQUARE)) assert.is(batch.bad.length, 0);
  assert.is(readdirSync(cache.folder).length, 1);
});

test('threads are worth their start for eight clips each, and one processor is left', () => {
  const most = freeProcessors();
  assert.is(most, Math.max(1, availableParallelism() - 1));
  assert.equal([0, 7, 8, 15, 8 * most, 8 * most + 800].map(threadsFor), [0, 0, 1, 1, most, most]);
});

test('a picture is asked for as a video of one frame', async () => {
  entriesOf(1);
  const totals: number[] = [];
  const pick = (total: number) => (totals.push(total), [0, 0, 0]);
  const whole = await readClip(at('sound0.png'), pick);
  const parts = await readClipParts(at('sound0.png'), pick, () => ({ x: 2, y: 0, width: 2, height: 4 }));
  assert.equal([totals, whole.length, parts.length], [[1, 1], 3, 3]);
  assert.equal([whole[0].width, parts[0].part], [6, { x: 2, y: 0, width: 2, height: 4 }]);
  writeFileSync(at('UPPER.PNG'), readFileSync(at('sound0.png')));
  assert.is((await readClip(at('UPPER.PNG'), () => [0])).length, 1);
});

test.run();
