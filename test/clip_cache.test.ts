/** Clips that were decoded once come from the disk in the same bits; what is damaged, old or too much does not. */
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync,
  writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { FileError } from '../engine/file_error.ts';
import { holds, i420Bytes } from '../kernels/frames/i420.ts';
import { ClipCache, type CacheRoom, openCacheRoom } from '../train/data/loading/clip_cache.ts';
import { type Batch, Dataset, type DatasetOptions } from '../train/data/loading/dataset.ts';
import type { SampleRequest } from '../train/data/loading/plan.ts';
import { readSample } from '../train/data/loading/sample.ts';
import { writeVideo } from '../train/data/video/encode.ts';
import { writePng } from '../train/data/video/stills.ts';
import { trainingPreprocessor } from '../train/run/system.ts';
import { clip } from './video_sample.ts';

const folder = mkdtempSync(join(tmpdir(), 'firstlight-clips-'));
const at = (name: string) => join(folder, name);
const [FRAMES, WIDTH, HEIGHT] = [6, 64, 48];
const FRAME = i420Bytes(WIDTH, HEIGHT);

const NAMES = ['a.mp4', 'b.webm', 'c.avi', 'd.mkv', 'e.png'];
for (const name of NAMES) {
  if (name === 'e.png') writePng(at(name), new Uint8Array(3 * 90 * 70).map((_, k) => (k * 7) % 251), 90, 70);
  else writeVideo(at(name), clip(FRAMES, WIDTH, HEIGHT));
}
const videos = NAMES.slice(0, 4);
const entries = NAMES.map((name, label) => ({ path: at(name), label }));
const OPTIONS: DatasetOptions = { frames: 4, size: 32, crop: true, flip: true, seed: 5 };
const request = (name: string, epoch = 0): SampleRequest => ({ path: at(name), index: 0, purpose: { epoch },
  sampling: OPTIONS });

let folders = 0;
/** A cache in a folder of its own. */
function cacheOf(bytes = 2 ** 30): { room: CacheRoom; cache: ClipCache; kept: () => string[] } {
  const room = openCacheRoom(at(`cache ${folders++}`), bytes);
  return { room, cache: new ClipCache(room),
    kept: () => readdirSync(room.folder).map((name) => join(room.folder, name)) };
}

/** Fails if the file is decoded: it is not there. */
async function fromCache(cache: ClipCache, name: string, epoch = 0) {
  const frames = cache.find(at(name), () => [epoch % FRAMES], ({ width, height }) => ({ x: 0, y: 0, width, height }));
  return frames !== undefined;
}

async function read(options: Partial<DatasetOptions>): Promise<Batch[]> {
  await using dataset = new Dataset(entries, { ...OPTIONS, ...options });
  const all: Batch[] = [];
  for (const batches of [dataset.training(0, 2), dataset.training(1, 2), dataset.training(2, 5),
    dataset.evaluation(4, trainingPreprocessor(32, true))]) {
    for await (const batch of batches) all.push(batch);
  }
  return all;
}

test('a frame holds a part that goes to its edges, and none that leaves it by any one of them', () => {
  const data = new Uint8Array(0);
  const whole = { width: 64, height: 48, data, matrix: 'bt601', range: 'limited' } as const;
  for (const frame of [whole, { ...whole, part: { x: 10, y: 6, width: 20, height: 12 } }]) {
    const { x, y, width, height } = 'part' in frame ? frame.part : { x: 0, y: 0, ...whole };
    const held = { x, y, width, height };
    assert.ok(holds(frame, held));
    assert.ok(holds(frame, { x: x + 2, y: y + 2, width: width - 4, height: height - 4 }));
    for (const beyond of [{ x: x - 2 }, { y: y - 2 }, { width: width + 2 }, { height: height + 2 }, { x: x + 2 }, {
      y: y + 2,
    }]) {
      assert.not.ok(holds(frame, { ...held, ...beyond }), JSON.stringify(beyond));
    }
  }
});

test('samples of all epochs and of an evaluation have the bits of files that are decoded anew, in one thread and in three', async () => {
  const plain = await read({});
  for (const workers of [0, 3]) {
    const cache = { folder: at(`whole ${workers}`), bytes: 2 ** 30 };
    assert.equal(await read({ workers, cache }), plain, `${workers} threads, filled meanwhile`);
    assert.is(readdirSync(cache.folder).length, videos.length, 'each video once, no picture, and nothing unfinished');
    assert.equal(await read({ workers, cache }), plain, `${workers} threads, found`);
  }
});

test('what was decoded once is not decoded again, whatever is drawn of it', async () => {
  const { cache } = cacheOf();
  for (const name of videos) await readSample(request(name), cache);
  for (const name of videos) {
    for (let index = 0; index < FRAMES; index++) assert.ok(await fromCache(cache, name, index), `${name}, ${index}`);
  }
});

test('a file of the cache that is damaged anywhere is removed, and the clip decoded and kept anew', async () => {
  const { room, cache, kept } = cacheOf();
  const plain = await readSample(request('a.mp4'));
  await readSample(request('a.mp4'), cache);
  const [file] = kept();
  const whole = readFileSync(file);
  const left = room.left[0];
  const damages: [string, (bytes: Buffer) => Buffer][] = [
    ['every frame', (bytes) => {
      for (let i = 0; i < FRAMES; i++) bytes[i * FRAME + 7 * i] ^= 1;
      return bytes;
    }],
    ['what it says of itself', (bytes) => {
      bytes[FRAMES * FRAME + 20] ^= 1;
      return bytes;
    }],
    ['its length', (bytes) => {
      bytes[bytes.length - 1] ^= 0x40;
      return bytes;
    }],
    ['cut off', (bytes) => bytes.subarray(0, bytes.length - 100)],
    ['empty', () => Buffer.alloc(0)],
    ['of another kind', () => Buffer.from('a text that is long enough to have a footer of some kind, and no frame')],
  ];
  for (const [name, damage] of damages) {
    writeFileSync(file, damage(Buffer.from(whole)));
    assert.equal(await readSample(request('a.mp4'), cache), plain, name);
    assert.ok(readFileSync(file).equals(whole), `${name}: kept anew`);
  }
  assert.is(cache.takeTrouble(), undefined);
  assert.ok(room.left[0] <= left, 'no room comes of nothing');
});

test('a file of the cache that is sealed rightly, and says what its frames are not, counts as damaged', async () => {
  const { cache, kept } = cacheOf();
  await readSample(request('a.mp4'), cache);
  const [file] = kept();
  const whole = readFileSync(file);
  const frames = whole.subarray(0, FRAMES * FRAME);
  const contents = JSON.parse(whole.toString('utf8', frames.length, whole.length - 36)) as Record<
    'width' | 'height',
    number
  >;
  const { width, height } = contents;
  const sealed = (json: string) => {
    const footer = Buffer.alloc(36);
    createHash('sha256').update(json).digest().copy(footer);
    footer.writeUInt32LE(Buffer.byteLength(json), 32);
    return Buffer.concat([frames, Buffer.from(json), footer]);
  };
  writeFileSync(file, sealed(JSON.stringify(contents)));
  assert.ok(await fromCache(cache, 'a.mp4'));
  const others = [{ width: 2 ** 40 }, { width: -64 }, { height: null }, { matrix: 'toString' }, { range: 1 }, {
    digests: {},
  }, { digests: [] }, { width: height, height: width }, { width: 2 * width, height: height / 2 }, {
    matrix: 'bt709',
  }].map((own) => JSON.stringify({ ...contents, ...own }));
  for (const json of [...others, '{', 'null', '['.repeat(1e5)]) {
    writeFileSync(file, sealed(json));
    assert.not(await fromCache(cache, 'a.mp4'), json.slice(0, 200));
  }
});

test('another file in the place of one that was decoded is decoded', async () => {
  const { cache } = cacheOf();
  const path = at('changing.mp4');
  writeVideo(path, clip(FRAMES, WIDTH, HEIGHT));
  await readSample(request('changing.mp4'), cache);
  writeVideo(path, clip(FRAMES + 3, 80, 50));
  const { total, frames: [{ width }] } = await readSample(request('changing.mp4'), cache);
  assert.equal([total, width], [FRAMES + 3, 80]);
  assert.ok(await fromCache(cache, 'changing.mp4'));
  const { atime } = statSync(path);
  utimesSync(path, atime, new Date(2001, 1, 1));
  assert.not.ok(await fromCache(cache, 'changing.mp4'), 'of the same size, at another time');
});

test('it never holds more than it may; what is in it stays, and what finds no room is decoded', async () => {
  const footers = 2000;
  for (const [clips, expected] of [[0.5, 0], [1.2, 1], [3.2, 3]]) {
    const most = clips * FRAMES * FRAME + (expected > 0 ? footers : 0);
    const { room, cache, kept } = cacheOf(most);
    const plain = await Promise.all(videos.map((name) => readSample(request(name))));
    // two at once, as in threads
    const caches = [cache, new ClipCache(room)];
    for (let i = 0; i < videos.length; i += 2) {
      assert.equal(await Promise.all([0, 1].map((k) => readSample(request(videos[i + k]), caches[k]))),
        plain.slice(i, i + 2));
    }
    const bytes = kept().reduce((sum, file) => sum + statSync(file).size, 0);
    assert.ok(bytes <= most, `${bytes} of ${most}`);
    assert.is(kept().length, expected, `room for ${clips} clips`);
    assert.is(Number(room.left[0]), Math.floor(most) - bytes, 'what is given up is given back');
  }
});

test('a file that cannot be decoded leaves nothing in it', async () => {
  const { cache, kept } = cacheOf();
  const bytes = readFileSync(at('c.avi'));
  writeFileSync(at('cut.avi'), bytes.subarray(0, bytes.length - 4000));
  await assert.rejectsWith(readSample(request('cut.avi'), cache), /cut\.avi/);
  assert.equal(kept(), []);
});

test('a disk that fails costs the cache and not the sample, and is told once', async () => {
  const { room, cache } = cacheOf();
  rmSync(room.folder, { recursive: true });
  const plain = await readSample(request('b.webm'));
  assert.equal(await readSample(request('b.webm'), cache), plain);
  assert.match(String(cache.takeTrouble()), /^no more decoded clips are kept in .*: no such file or folder$/);
  assert.equal(await readSample(request('c.avi'), cache), await readSample(request('c.avi')));
  assert.is(cache.takeTrouble(), undefined);
});

test('what a crash left long ago is swept up; what another run writes now is not', () => {
  const place = at('left');
  mkdirSync(place);
  for (const name of ['old.clip.1.0.unfinished', 'new.clip.2.0.unfinished']) writeFileSync(join(place, name), 'frames');
  utimesSync(join(place, 'old.clip.1.0.unfinished'), new Date(2001, 1, 1), new Date(2001, 1, 1));
  openCacheRoom(place, 2 ** 30);
  assert.equal(readdirSync(place), ['new.clip.2.0.unfinished']);
});

test('a folder that cannot be one is an error that names it', () => {
  writeFileSync(at('file'), '');
  assert.throwsWith(() => openCacheRoom(at('file'), 1), FileError, /file: is there already, and not what is needed/);
});

test.after(() => rmSync(folder, { recursive: true }));
test.run();
