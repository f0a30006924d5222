/** Decoding in threads of its own gives what one thread gives; what goes wrong in them is told. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import os, { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { VideoDecodeError } from '../engine/errors.ts';
import { answerTo } from '../train/data/loading/answer.ts';
import type { ClipCache } from '../train/data/loading/clip_cache.ts';
import { type Batch, Dataset, type DatasetOptions } from '../train/data/loading/dataset.ts';
import { DecoderEndedError, Decoders, freeProcessors, threadsFor } from '../train/data/loading/decoders.ts';
import type { SampleRequest } from '../train/data/loading/plan.ts';
import { inspect } from '../train/data/video/inspect.ts';
import { writeVideo } from '../train/data/video/encode.ts';
import { trainingPreprocessor } from '../train/run/system.ts';
import { writePng } from '../train/data/video/stills.ts';
import { clip } from './video_sample.ts';

const folder = mkdtempSync(join(tmpdir(), 'firstlight-decoders-'));
const at = (name: string) => join(folder, name);

const NAMES = ['a.mp4', 'b.webm', 'c.avi', 'd.mkv', 'e.png', 'f.mov', 'g.mp4'];
NAMES.forEach((name, i) => {
  if (name === 'e.png') writePng(at(name), new Uint8Array(3 * 90 * 70).map((_, k) => (k * 7) % 251), 90, 70);
  else writeVideo(at(name), clip(3 + i, 64 + 16 * i, 48 + 2 * i));
});

const OPTIONS: DatasetOptions = { frames: 4, size: 32, crop: true, flip: true, seed: 5 };
const [PREPROCESSOR, SQUARE] = [trainingPreprocessor(32, true), trainingPreprocessor(32, false)];
const entries = NAMES.map((name, label) => ({ path: at(name), label }));

async function collect(batches: AsyncIterable<Batch>): Promise<Batch[]> {
  const all: Batch[] = [];
  for await (const batch of batches) all.push(batch);
  return all;
}

/** Two epochs and an evaluation. */
async function read(options: Partial<DatasetOptions>): Promise<Batch[]> {
  await using dataset = new Dataset(entries, { ...OPTIONS, ...options });
  return [...await collect(dataset.training(0, 2)), ...await collect(dataset.training(1, 3, 1)),
    ...await collect(dataset.evaluation(4, PREPROCESSOR))];
}

test('what is read, and in which order, depends neither on the threads nor on how far they are ahead', async () => {
  const alone = await read({});
  assert.is(alone.length, 3 + 1 + 2);
  for (const [workers, ahead] of [[1, 0], [3, 16]]) {
    assert.equal(await read({ workers, ahead }), alone, `${workers} threads, ${ahead} clips ahead`);
  }
});

test('frames come from a thread cut to what is seen, in memory of their own, and repeated ones share it', async () => {
  await using dataset = new Dataset([entries[4], entries[6]], { ...OPTIONS, crop: false, workers: 1 });
  const [{ frames: [still, again], views }, { frames }] = await collect(dataset.evaluation(1, SQUARE));
  assert.is(still, again);
  assert.equal(views[0].crop, { x: 4 * 90 / 41, y: 0, width: 32 * 90 / 41, height: 70 }); // of 41 × 32
  assert.equal(still.part, { x: 4, y: 0, width: 80, height: 70 });
  for (const { data, width, part } of [still, ...frames]) {
    assert.ok(part !== undefined && part.width < width);
    assert.is(data.buffer.byteLength, data.byteLength);
  }
});

test('a process has the processors of its share of the machine but one, and no more threads than clips are worth', () => {
  const { availableParallelism } = os;
  os.availableParallelism = () => 9;
  syncBuiltinESMExports();
  try {
    assert.equal([freeProcessors(), freeProcessors(1), freeProcessors(2), freeProcessors(9)], [8, 8, 3, 1]);
    assert.equal([threadsFor(7), threadsFor(8), threadsFor(63), threadsFor(64), threadsFor(72)], [0, 1, 7, 8, 8]);
  } finally {
    os.availableParallelism = availableParallelism;
    syncBuiltinESMExports();
  }
});

const request = (path: string): SampleRequest => ({ path, index: 0, purpose: { epoch: 0 }, sampling: OPTIONS });

test('a file that a thread cannot decode is the error that it is here, and the thread goes on', async () => {
  writeFileSync(at('bad.mp4'), 'nonsense');
  const here = new Decoders(0);
  const threads = new Decoders(1);
  const refusal = await assert.rejectsWith(here.read(request(at('bad.mp4'))), VideoDecodeError, /is a text/);
  const other = await assert.rejectsWith(threads.read(request(at('bad.mp4'))), VideoDecodeError, refusal.message);
  assert.equal([other.hint, other.context], [refusal.hint, refusal.context]);
  assert.is((await threads.read(request(at('a.mp4')))).frames.length, 4);
  assert.is(threads.counts.clips, 2);
  assert.ok(threads.counts.milliseconds > 0);
  await threads.close();
});

test('a thread that dies is a sentence that names the file, and another one takes the next', async () => {
  const program = at('dies.mjs');
  writeFileSync(program, `import { parentPort } from 'node:worker_threads';
parentPort.on('message', ({ id, request: { path } }) => {
  if (path === 'exits') process.exit(9);
  if (path === 'throws') throw new TypeError('out of luck');
  parentPort.postMessage({ id, sample: { frames: [], views: [], total: 0 }, milliseconds: 1 });
});\n`);
  const decoders = new Decoders(1, { worker: pathToFileURL(program) });
  const [exits, throws, fine] = [decoders.read(request('exits')), decoders.read(request('throws')),
    decoders.read(request('fine'))];
  for (const each of [exits, throws]) each.catch(() => undefined);
  const { hint } = await assert.rejectsWith(exits, DecoderEndedError,
    'the thread that decoded exits ended: exit code 9');
  assert.match(String(hint), /--resume/);
  await assert.rejectsWith(throws, DecoderEndedError, 'the thread that decoded throws ended: out of luck');
  assert.is((await fine).total, 0);
  await decoders.close();
});

test('a file that takes long, as on a disk that is gone, is told of while the run waits for it', async () => {
  const program = at('waits.mjs');
  writeFileSync(program, `import { parentPort } from 'node:worker_threads';
parentPort.on('message', ({ id }) => setTimeout(
  () => parentPort.postMessage({ id, sample: { frames: [], views: [], total: 0 }, milliseconds: 1 }), 300));\n`);
  const told: string[] = [];
  const decoders = new Decoders(1, { worker: pathToFileURL(program), longMs: 50,
    onTrouble: (sentence) => told.push(sentence) });
  await decoders.read(request('slow.mp4'));
  const { length } = told;
  assert.ok(length > 0);
  assert.match(told[0], /^slow\.mp4 has been decoded for .*; the run waits for it: is its disk still there\?$/);
  await new Promise((resolve) => setTimeout(resolve, 120));
  assert.is(told.length, length, 'no more is said of what is done');
  await decoders.close();
});

test('a thread ends after the file that it decodes: in the middle of one it would take the process along', async () => {
  const [program, begun] = [at('busy.mjs'), at('begun')];
  writeFileSync(program, `import { writeFileSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
parentPort.on('message', ({ id, request: { path } }) => {
  if (path === 'a') writeFileSync(${JSON.stringify(begun)}, '');
  if (path === 'for ever') return;
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
  parentPort.postMessage({ id, sample: { frames: [], views: [], total: 7 }, milliseconds: 1 });
});\n`);
  const decoders = new Decoders(2, { worker: pathToFileURL(program), closeMs: 600 });
  const [busy, hung] = [decoders.read(request('a')), decoders.read(request('for ever'))];
  const never = decoders.read(request('not begun'));
  let ended = 0;
  for (const reading of [hung, never]) reading.then(() => ended++, () => ended++);
  // threads take their time to start
  while (!existsSync(begun)) await new Promise((resolve) => setTimeout(resolve, 10));
  await decoders.close();
  assert.is((await busy).total, 7);
  assert.is(ended, 0);
});

test('a thread leaves no timer, whatever it ends by', async () => {
  const program = at('timed.mjs');
  writeFileSync(program, `import { parentPort } from 'node:worker_threads';
parentPort.on('message', ({ id, request: { path } }) => {
  parentPort.postMessage({ id, sample: { frames: [], views: [], total: 0 }, milliseconds: 1 });
  if (path === 'last') setTimeout(() => process.exit(0), 20);
});\n`);
  const own = { setTimeout, clearTimeout, setInterval, clearInterval };
  /** Those of a second or more. */
  const running = new Set<unknown>();
  const noted = (start: (work: () => void, ms: number) => NodeJS.Timeout) => (work: () => void, ms: number) => {
    const timer = start(work, ms);
    if (ms >= 1000) running.add(timer);
    return timer;
  };
  const ended = (end: (timer: NodeJS.Timeout) => void) => (timer: NodeJS.Timeout) => {
    running.delete(timer);
    end(timer);
  };
  Object.assign(globalThis, { setTimeout: noted(own.setTimeout), setInterval: noted(own.setInterval),
    clearTimeout: ended(own.clearTimeout), clearInterval: ended(own.clearInterval) });
  try {
    const decoders = new Decoders(1, { worker: pathToFileURL(program) });
    for (const name of ['first', 'second', 'last']) await decoders.read(request(name));
    assert.is(running.size, 1, 'it ends after a minute without work');
    while (running.size > 0) await new Promise((resolve) => own.setTimeout(resolve, 5));
    const [busy] = [decoders.read(request('next'))];
    await decoders.close();
    assert.equal([(await busy).total, running.size], [0, 0]);
  } finally {
    Object.assign(globalThis, own);
  }
});

test('threads that cannot be started are a sentence, not a wait', async () => {
  const decoders = new Decoders(2, { worker: pathToFileURL(at('absent.mjs')) });
  await assert.rejectsWith(decoders.read(request('a')), DecoderEndedError,
    /^the thread that decoded a ended: Cannot find/);
  await decoders.close();
});

test.after(() => rmSync(folder, { recursive: true }));
/** A request for a file as it is evaluated. */
const evaluated = (path: string): SampleRequest => ({ path, index: 0, purpose: { resize: null },
  sampling: { frames: 2, size: 32, crop: false, flip: false, seed: 1 } });

test('a thread answers with a sample, whose memory it hands over once, and with how long that took', async () => {
  const start = performance.now();
  const { answer, moved } = await answerTo({ id: 7, request: evaluated(at('a.mp4')) }, undefined);
  const { id, sample, milliseconds, ...others } = answer;
  assert.is(id, 7);
  assert.equal(others, { trouble: undefined });
  assert.equal([sample?.frames.length, sample?.total], [2, 3]);
  assert.equal(new Set(moved), new Set(sample?.frames.map(({ data }) => data.buffer)));
  assert.is(moved.length, new Set(moved).size);
  assert.ok(milliseconds >= 0 && milliseconds <= performance.now() - start, `${milliseconds} ms`);
});

test('a thread answers why there is no sample, and what goes wrong with a cache; a defect is thrown', async () => {
  writeFileSync(at('no.mp4'), 'a text');
  const cache = { find: () => undefined, writer: () => undefined,
    takeTrouble: () => 'the cache is full' } as unknown as ClipCache;
  const { answer, moved } = await answerTo({ id: 8, request: evaluated(at('no.mp4')) }, cache);
  const { refusal, trouble } = answer;
  const { code, message, context, hint } = assert.throwsWith<VideoDecodeError>(() => inspect(at('no.mp4')),
    VideoDecodeError);
  assert.equal([refusal, trouble, moved], [{ code, message, context, hint }, 'the cache is full', []]);
  const request = { ...evaluated(at('a.mp4')), sampling: undefined } as unknown as SampleRequest;
  await assert.rejectsWith(answerTo({ id: 9, request }, undefined), TypeError);
});

test.run();
