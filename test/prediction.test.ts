/** Clips are answered in the order in which their paths come in, decoded ahead, each as soon as it can be. */
import { appendFileSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { commandLine, printed } from './command_line.ts';
import { FirstlightError, open } from '../engine/index.ts';
import type { Sample } from '../train/data/loading/plan.ts';
import { writeVideo } from '../train/data/video/encode.ts';
import { main } from '../train/cli/main.ts';
import { predict } from '../train/commands/predict.ts';
import { type Answer, answerOf, escapedJson, tableOf } from '../train/prediction/answer.ts';
import { ClipQueue } from '../train/prediction/clip_queue.ts';
import { answerClips } from '../train/prediction/answering.ts';
import { filesOf, linesOf, listed } from '../train/prediction/incoming.ts';
import { Candidates } from '../train/protocols/candidates.ts';
import { openSystem } from '../train/run/system.ts';
import { StopRequest } from '../train/run/stop.ts';
import { writeTiny } from './tiny_checkpoint.ts';
import { clip } from './video_sample.ts';

const folder = mkdtempSync(join(tmpdir(), 'firstlight-prediction-'));
const videos = join(folder, 'videos');
const checkpoint = join(folder, 'model');
const names = ['a red square', 'a star', 'a square'];
const paths = [0, 1, 2].map((i) => join(videos, `${i}.mp4`));
const broken = join(videos, '1b.mp4');
const asked = ['--labels', names.join(), '--checkpoint', checkpoint];

test.before(async () => {
  await using gpu = await open();
  await writeTiny(gpu, checkpoint, { texts: names, frames: 2 });
  mkdirSync(videos);
  paths.forEach((path, i) => writeVideo(path, clip(4 + i, 48 + 16 * i, 40)));
  writeFileSync(broken, 'no video');
});
test.after(() => rmSync(folder, { recursive: true, force: true }));

test('a line in is a line of JSON out before the next one comes, with the numbers of a list; a broken clip is one, too', async () => {
  const list = await commandLine(['predict', videos, ...asked, '--top', '2', '--json']);
  assert.is(list.code, 3);
  assert.match(list.stderr, `${broken}: is a text`);
  const answers = JSON.parse(list.stdout) as Answer[];
  assert.equal(answers.map(({ file, predictions }) => [file, predictions.length]), paths.map((path) => [path, 2]));
  for (const { predictions: [best, second] } of answers) {
    assert.ok(names.includes(best.label) && best.probability >= second.probability);
  }
  const lines = new PassThrough();
  const coming = [`${paths[0]}\n`, `${broken}\n`, `${paths[1]}\r\n\n`, `${paths[2]}`];
  const next = () => {
    if (coming.length > 0) lines.write(coming.shift());
    if (coming.length === 0) lines.end();
  };
  next();
  const { code, stdout, stderr } = await printed(
    () =>
      predict({ source: { lines }, labels: names, checkpoint, precision: 'f32', top: 2,
        wording: { templates: 'none', mean: 'softmax' } }),
    next,
  );
  assert.is(code, 3, stderr);
  const [first, refusal, ...others] = linesIn(stdout);
  assert.equal([first, ...others], answers);
  assert.equal(refusal, { file: broken,
    error: { code: 'FL_VIDEO', message: `${broken}: is a text, not a video that is read here` } });
});

const linesIn = (stdout: string) => stdout.trimEnd().split('\n').map((line) => JSON.parse(line) as Answer);

test('a watched folder gives what is there, and what comes; Ctrl-C leaves with 130, and so does a reader with 0', async () => {
  for (const [end, status] of [['SIGINT', 130], ['EPIPE', 0]] as const) {
    const watched = join(folder, end);
    mkdirSync(watched);
    copyFileSync(paths[0], join(watched, 'a.mp4'));
    const listeners = process.listenerCount('SIGINT');
    const { code, stdout, stderr } = await printed(() => main(['predict', '--watch', watched, ...asked]), (stdout) => {
      if (linesIn(stdout).length === 1) copyFileSync(paths[1], join(watched, 'b.mp4'));
      else if (end === 'SIGINT') process.emit('SIGINT');
      else process.stdout.emit('error', Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
    });
    assert.is(code, status, stderr);
    assert.equal(linesIn(stdout).map(({ file }) => file), ['a.mp4', 'b.mp4'].map((name) => join(watched, name)));
    assert.is(process.listenerCount('SIGINT'), listeners);
  }
});

test('a watched folder that is not there is an error; a folder without clips is answered by nothing', async () => {
  const absent = await commandLine(['predict', '--watch', join(folder, 'absent'), ...asked]);
  assert.equal([absent.code, absent.stderr.includes('absent')], [1, true], absent.stderr);
  mkdirSync(join(folder, 'empty'));
  const empty = await commandLine(['predict', join(folder, 'empty'), ...asked, '--json']);
  assert.equal([empty.code, empty.stdout], [0, '[]\n'], empty.stderr);
});

test('a watched file counts once it has stayed as it is, again when it has changed, and when it was gone', async () => {
  const grown = join(folder, 'growing');
  mkdirSync(join(grown, 'deep'), { recursive: true });
  const path = join(grown, 'deep', 'a.mp4');
  writeFileSync(path, '');
  writeFileSync(join(grown, 'notes.txt'), 'no video');
  using stop = new StopRequest(process);
  const settledMs = 60;
  const files = filesOf(grown, stop, { everyMs: 5, settledMs });
  let changed = performance.now();
  const next = async () => {
    const { value } = await files.next();
    if (value !== undefined) assert.ok(performance.now() - changed >= settledMs);
    return value;
  };
  const change = (write: () => void) => {
    write();
    changed = performance.now();
  };
  const first = next();
  for (let i = 0; i < 8; i++) {
    await setTimeout(20);
    change(() => appendFileSync(path, 'more'));
  }
  assert.is(await first, path);
  for (const write of [() => appendFileSync(path, 'again'), () => rmSync(path)]) {
    const again = next();
    change(write);
    await setTimeout(20);
    change(() => writeFileSync(path, 'anew'));
    assert.is(await again, path);
  }
  const last = next();
  stop.ask(0);
  assert.is(await last, undefined);
});

/** Samples of one byte, decoded when the test says so. */
function decoding() {
  const sample: Sample = { frames: [], views: [], total: 1 };
  const done: (() => void)[] = [];
  return { done, read: () => new Promise<Sample>((resolve) => done.push(() => resolve(sample))) };
}

test('clips wait in the order of their paths, no more than are asked for ahead; one who is patient gets them together', async () => {
  using stop = new StopRequest(process);
  const { done, read } = decoding();
  const queue = new ClipQueue(listed(['a', 'b', 'c', 'd', 'e'], stop), { read, ahead: 3 });
  const pathsOf = async (most: number, isPatient: boolean) =>
    (await queue.take(most, isPatient)).map(({ path }) => path).join('');
  await setTimeout(1);
  assert.is(done.length, 3);
  const soon = pathsOf(3, false);
  done[1]();
  done[0]();
  assert.is(await soon, 'ab');
  const together = pathsOf(2, true);
  await setTimeout(1);
  assert.is(done.length, 5);
  done[2]();
  done[3]();
  assert.is(await together, 'cd');
  done[4]();
  assert.equal([await pathsOf(9, true), await pathsOf(9, true)], ['e', '']);
});

test('decoded clips of 256 MiB wait for the model, shared frames counted once, and no more are decoded', async () => {
  using stop = new StopRequest(process);
  const asked = async (megabytes: number, isShared = false) => {
    let count = 0;
    const frame = { data: { length: megabytes * 2 ** 20 } };
    const frames = isShared ? [frame, frame] : [frame, { data: { length: 1 } }];
    const read = () => (count++, Promise.resolve({ frames, views: [], total: 1 } as unknown as Sample));
    const queue = new ClipQueue(listed([...'abcdefgh'], stop), { read, ahead: 6 });
    await setTimeout(1);
    const waiting = count;
    await queue.take(1, false);
    await setTimeout(1);
    queue.close();
    return [waiting, count];
  };
  // a clip is asked for before the last one is decoded
  assert.equal(await asked(300), [2, 2]);
  assert.equal(await asked(128), [3, 3]);
  assert.equal(await asked(128, true), [3, 3]);
  assert.equal(await asked(100), [4, 4]);
  assert.equal(await asked(60), [6, 6]);
  assert.equal(await asked(50), [6, 7]);
  assert.equal(await asked(1), [6, 7]);
});

test('a table has the most probable names, harmless, with bars of thirty signs', () => {
  const ranking = [{ label: 2, probability: 0.75 }, { label: 0, probability: 0.05 }, { label: 1, probability: 0.001 }];
  const answer = answerOf('a\u001b.mp4', ranking, ['b', 'c', 'a name'], 3);
  assert.is(tableOf(answer),
    ['a\\u001b.mp4', `   75.0 %  a name  ${'█'.repeat(23)}`, '    5.0 %  b       ██', '    0.1 %  c'].join('\n'));
  assert.equal(answerOf('f', ranking, ['b', 'c', 'a'], 1).predictions, [{ label: 'a', probability: 0.75 }]);
  assert.is(escapedJson({ a: '\u009b' }), '{"a":"\\u009b"}');
});

test('what ends the paths is thrown behind the clips before it', async () => {
  async function* paths() {
    yield await Promise.resolve('a');
    throw new Error('the folder is gone');
  }
  const { done, read } = decoding();
  const queue = new ClipQueue(paths(), { read, ahead: 3 });
  await setTimeout(1);
  done[0]();
  assert.is((await queue.take(2, false))[0].path, 'a');
  await assert.rejectsWith(queue.take(2, false), Error, 'the folder is gone');
});

test('what goes wrong with several clips is asked of each alone, and one that has the fault does not hold the others up', async () => {
  await using gpu = await open();
  const system = await openSystem(gpu, checkpoint);
  using _model = system.model;
  using candidates = new Candidates(gpu, system, names);
  using stop = new StopRequest(process);
  const rank = candidates.rank.bind(candidates);
  let calls = 0;
  candidates.rank = (logits) => {
    if ([1, 3].includes(++calls)) throw new FirstlightError('FL_OOM', 'too much'); // of all, and of the second alone
    return rank(logits);
  };
  const told: string[] = [];
  const pace = await answerClips(linesOf(PassThrough.from(paths.map((path) => `${path}\n`)), stop), { gpu, system,
    candidates, clips: 3, ofAClip: /^FL_OOM/, stop,
    tell: ({ result }) => told.push(result instanceof FirstlightError ? result.code : names[result[0].label]) });
  assert.equal(told.map((each) => each === 'FL_OOM'), [false, true, false]);
  assert.equal([pace.clips, pace.threads], [0, 0], 'one batch, and too few clips for a thread');
});

test('after clips did not fit together half as many are taken at once, and the first batch is not timed', async () => {
  await using gpu = await open();
  const system = await openSystem(gpu, checkpoint);
  using _model = system.model;
  using candidates = new Candidates(gpu, system, names);
  using stop = new StopRequest();
  const { model } = system;
  const [rank, encode] = [candidates.rank.bind(candidates), model.encodeVideo.bind(model)];
  const sizes: number[] = [];
  model.encodeVideo = (pixels, ...others) => {
    sizes.push(pixels.shape[0]);
    return encode(pixels, ...others);
  };
  let calls = 0;
  candidates.rank = (logits) => {
    if (++calls === 1) throw new FirstlightError('FL_LIMIT', 'too much');
    return rank(logits);
  };
  const told: string[] = [];
  const clips = Array.from({ length: 21 }, (_, i) => paths[i % 3]);
  const pace = await answerClips(listed(clips, stop), { gpu, system, candidates, clips: 7, ofAClip: /^FL_LIMIT/, stop,
    tell: ({ path }) => void told.push(path) });
  assert.equal([told, pace.clips, pace.threads], [clips, 14, 0]);
  // what seven take is estimated; two batches were under way; the clips of the first are asked one by one
  assert.equal(sizes.sort((a, b) => b - a), [7, 7, 7, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1]);
});

test('the pace has the clips behind the first batch, their seconds, and those in which no clip was decoded', async () => {
  await using gpu = await open();
  const system = await openSystem(gpu, checkpoint);
  using _model = system.model;
  using candidates = new Candidates(gpu, system, names);
  using stop = new StopRequest();
  const { now } = performance;
  let [milliseconds, count] = [0, 0];
  const wait: (() => void)[] = [];
  async function* coming() {
    for (const path of paths) {
      yield path;
      await new Promise<void>((resolve) => (wait[0] = resolve)); // until it is told
      await setTimeout(1);
      milliseconds += 2000;
    }
  }
  performance.now = () => milliseconds;
  try {
    const pace = await answerClips(coming(), { gpu, system, candidates, clips: Infinity, ofAClip: /^FL_VIDEO/, stop,
      tell: () => {
        count++;
        milliseconds += 500;
        wait[0]();
      } });
    assert.equal([count, pace], [3, { clips: 2, seconds: 2 * 2.5 + 2, idle: 4, threads: pace.threads }]);
  } finally {
    performance.now = now;
  }
});

test('what is no fault of a clip ends all of them: it is thrown, and clips that wait are given up', async () => {
  using stop = new StopRequest();
  const read = (path: string) =>
    path === 'b' ? Promise.reject(new Error('no memory')) : Promise.resolve({ frames: [], views: [], total: 1 });
  const queue = new ClipQueue(listed(['a', 'b', 'c'], stop), { read, ahead: 9 });
  await setTimeout(1);
  await assert.rejectsWith(queue.take(1, false), Error, 'no memory');
});

test.run();
