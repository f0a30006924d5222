/** The room of a cache of decoded clips, byte for byte, from frames that nobody decoded. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statfsSync, statSync, utimesSync,
  writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { FirstlightError } from '../engine/errors.ts';
import { Random } from '../engine/random.ts';
import { cut, i420Bytes, type I420Frame } from '../kernels/frames/i420.ts';
import { type CacheRoom, ClipCache, type ClipWriter, openCacheRoom } from '../train/data/loading/clip_cache.ts';

const root = mkdtempSync(join(tmpdir(), 'firstlight-room-'));
test.after(() => rmSync(root, { recursive: true }));
let folders = 0;
const newFolder = () => join(root, String(folders++));
const video = join(root, 'a.mp4');
writeFileSync(video, 'of any kind');

const random = new Random(1, 'frames');
const frameOf = (own: Partial<I420Frame> = {}): I420Frame => {
  const { width = 5, height = 3 } = own;
  return { width, height, matrix: 'bt709', range: 'limited',
    data: Uint8Array.from({ length: i420Bytes(width, height) }, () => random.below(256)), ...own };
};
const WHOLE = ({ width, height }: { width: number; height: number }) => ({ x: 0, y: 0, width, height });
const FRAME = i420Bytes(5, 3);

/** Keeps frames, as the decoder gives them. */
function keep(room: CacheRoom, frames: readonly I420Frame[], path = video): void {
  using writer = new ClipCache(room).writer(path);
  writer?.begin();
  for (const frame of frames) writer?.add(frame);
  writer?.commit();
}
const sizes = (folder: string) => readdirSync(folder).sort().map((name) => statSync(join(folder, name)).size);
const all = (total: number) => Array.from({ length: total }, (_, i) => i);
const find = (room: CacheRoom, pick = all, path = video) => new ClipCache(room).find(path, pick, WHOLE);

test('a room has what is asked for, less what lies in it, and is opened once; half of what is free is the most', () => {
  const folder = newFolder();
  mkdirSync(folder);
  writeFileSync(join(folder, 'a.clip'), Buffer.alloc(30));
  writeFileSync(join(folder, 'b.clip'), Buffer.alloc(12));
  writeFileSync(join(folder, 'notes.txt'), Buffer.alloc(100));
  const room = openCacheRoom(folder, 1000);
  assert.is(room.left[0], 958n);
  assert.is(openCacheRoom(folder, 5), room);
  const { left } = openCacheRoom(newFolder(), Number.MAX_SAFE_INTEGER);
  const { bavail, bsize } = statfsSync(root);
  assert.ok(Math.abs(Number(left[0]) / ((bavail * bsize) / 2) - 1) < 0.1, `${left[0]}`);
  assert.is(openCacheRoom(newFolder(), 10.9).left[0], 10n);
});

test('what nobody wrote to for an hour was left by a crash, and is no clip', () => {
  const folder = newFolder();
  mkdirSync(folder);
  const room = newFolder();
  using writer = new ClipCache(openCacheRoom(room, 10_000)).writer(video);
  writer?.begin();
  const [own] = readdirSync(room);
  const ending = own.slice(own.lastIndexOf('.'));
  for (const [i, name] of ['old', 'new', 'other'].entries()) {
    const path = join(folder, `${name}.clip.1.0${name === 'other' ? '.txt' : ending}`);
    writeFileSync(path, Buffer.alloc(7));
    const seconds = Date.now() / 1000 - (i === 1 ? 3500 : 3700);
    utimesSync(path, seconds, seconds);
  }
  assert.is(openCacheRoom(folder, 100).left[0], 100n);
  assert.equal(readdirSync(folder).map((name) => name.split('.')[0]).sort(), ['new', 'other']);
});

test('what is not kept leaves neither a file nor an open one, whatever the reason', () => {
  const room = openCacheRoom(newFolder(), 10 * FRAME);
  const open = () => (existsSync('/proc/self/fd') ? readdirSync('/proc/self/fd').length : 0);
  const before = open();
  const write = (frames: readonly I420Frame[], then: (writer: ClipWriter) => void = () => undefined) => {
    using writer = new ClipCache(room).writer(video) as ClipWriter;
    writer.begin();
    for (const frame of frames) writer.add(frame);
    then(writer);
  };
  for (let i = 0; i < 4; i++) {
    write([frameOf()]); // not committed
    write([]); // nor begun
    write([frameOf()], (writer) => writer.begin()); // all frames come anew
    write([frameOf(), frameOf({ width: 4 })]); // of several kinds
    write(Array.from({ length: 11 }, () => frameOf())); // without room
  }
  assert.equal([open(), readdirSync(room.folder), room.left[0]], [before, [], BigInt(10 * FRAME)]);
});

test('frames are kept to the bit, and found as they are asked for; a room counts every byte of a file', () => {
  const room = openCacheRoom(newFolder(), 100_000);
  const frames = [0, 1, 2].map(() => frameOf());
  assert.is(find(room), undefined);
  keep(room, frames);
  const [size] = sizes(room.folder);
  assert.is(room.left[0], BigInt(100_000 - size));
  assert.equal(find(room), frames);
  const twice = find(room, (total) => [total - 1, 0, total - 1]) as I420Frame[];
  assert.equal(twice, [frames[2], frames[0], frames[2]]);
  assert.is(twice[0], twice[2]);
  const corner = { x: 2, y: 0, width: 2, height: 2 };
  assert.equal(new ClipCache(room).find(video, () => [1], () => corner), [cut(frames[1], corner)]);
  keep(room, frames);
  assert.equal([sizes(room.folder), room.left[0]], [[size], BigInt(100_000 - size)], 'a list may name a file twice');
});

test('a clip is kept if all of it has room, to the byte; else it leaves none', () => {
  const frames = [0, 1].map(() => frameOf());
  const first = openCacheRoom(newFolder(), 100_000);
  keep(first, frames);
  const [size] = sizes(first.folder);
  for (const [bytes, kept] of [[size, true], [size - 1, false], [2 * FRAME, false], [FRAME, false], [1,
    false]] as const) {
    const room = openCacheRoom(newFolder(), bytes);
    keep(room, frames);
    assert.equal([sizes(room.folder), room.left[0]], kept ? [[size], 0n] : [[], BigInt(bytes)], `${bytes}`);
  }
  const full = openCacheRoom(newFolder(), 0);
  assert.is(new ClipCache(full).writer(video), undefined);
  assert.ok(new ClipCache(openCacheRoom(newFolder(), 1)).writer(video) !== undefined);
});

test('frames of one kind are kept, whole ones, those since it was begun last; what is not committed leaves nothing', () => {
  const [frame, other] = [frameOf(), frameOf()];
  const odd: readonly I420Frame[] = [frameOf({ width: 3 }), frameOf({ height: 5 }), frameOf({ matrix: 'bt601' }),
    frameOf({ range: 'full' }), { ...frameOf(), part: { x: 0, y: 0, width: 5, height: 3 } }];
  for (const each of odd) {
    const room = openCacheRoom(newFolder(), 10_000);
    keep(room, [frame, each]);
    assert.equal([sizes(room.folder), room.left[0]], [[], 10_000n], JSON.stringify({ ...each, data: 0 }));
  }
  const room = openCacheRoom(newFolder(), 10_000);
  keep(room, []);
  assert.equal([sizes(room.folder), room.left[0]], [[], 10_000n], 'no frames');
  {
    using writer = new ClipCache(room).writer(video);
    writer?.begin();
    writer?.add(frame);
    assert.equal([sizes(room.folder), room.left[0]], [[FRAME], BigInt(10_000 - FRAME)]);
  }
  assert.equal([sizes(room.folder), room.left[0]], [[], 10_000n], 'not committed');
  {
    using writer = new ClipCache(room).writer(video);
    writer?.begin();
    writer?.add(odd[0]);
    writer?.add(frame); // given up
    writer?.begin();
    writer?.add(other);
    writer?.commit();
  }
  assert.equal(find(room), [other]);
  assert.is(room.left[0], BigInt(10_000 - sizes(room.folder)[0]));
});

test('a file with any wrong bit, cut off, or of another state of its source is removed, and its room is free again', () => {
  const folder = newFolder();
  const room = openCacheRoom(folder, 10_000);
  const frames = [frameOf(), frameOf()];
  keep(room, frames);
  const [name] = readdirSync(folder);
  const path = join(folder, name);
  const bytes = readFileSync(path);
  const damaged = (own: Buffer, what: string) => {
    writeFileSync(path, own);
    room.left[0] = BigInt(10_000 - own.length);
    assert.is(find(room), undefined, what);
    assert.equal([sizes(folder), room.left[0]], [[], 10_000n], what);
  };
  for (let place = 0; place < bytes.length; place++) {
    const wrong = Buffer.from(bytes);
    wrong[place] ^= 16;
    damaged(wrong, `byte ${place}`);
  }
  for (const end of [0, 1, 35, 36, FRAME, bytes.length - 37, bytes.length - 1]) {
    damaged(bytes.subarray(0, end), `${end} bytes`);
  }
  damaged(Buffer.concat([bytes, Buffer.of(0)]), 'a byte more');
  damaged(Buffer.concat([Buffer.of(0), bytes]), 'a byte before');
  writeFileSync(path, bytes);
  room.left[0] = BigInt(10_000 - bytes.length);
  assert.equal(find(room), frames, 'as it was');
  const touched = new Date(Date.now() - 5000);
  utimesSync(video, touched, touched);
  assert.is(find(room), undefined, 'the source was changed');
  assert.is(room.left[0], 10_000n);
  keep(room, frames);
  assert.is(find(room, () => [0, 2]), undefined, 'a frame that is not there');
});

test('a file that is sealed rightly, and says what its frames are not, is removed', () => {
  const folder = newFolder();
  const room = openCacheRoom(folder, 10_000);
  const frames = [frameOf(), frameOf()];
  keep(room, frames);
  const path = join(folder, readdirSync(folder)[0]);
  const bytes = readFileSync(path);
  const length = bytes.readUInt32LE(bytes.length - 4);
  const contents = JSON.parse(bytes.toString('utf8', 2 * FRAME, bytes.length - 36));
  assert.is(2 * FRAME + length + 36, bytes.length);
  const found = (own: unknown) => {
    const json = Buffer.from(JSON.stringify(own));
    const size = Buffer.alloc(4);
    size.writeUInt32LE(json.length);
    writeFileSync(path,
      Buffer.concat([bytes.subarray(0, 2 * FRAME), json, createHash('sha256').update(json).digest(), size]));
    return find(room) !== undefined;
  };
  assert.ok(found(contents));
  for (const own of [{ width: 3, height: 5 }, { width: 0 }, { width: -5, height: -3 }, { width: 5.5 }, { width: '5' }, {
    height: 0,
  }, { matrix: 'bt2020' }, { range: 'tv' }, { digests: [] }, { digests: 'ab' }, { digests: contents.digests.slice(1) },
    {
      digests: [...contents.digests, 'x'],
    }, { digests: contents.digests.toReversed() }, { source: 7 }, { matrix: 'bt601' }, {
    range: 'full',
  }]) assert.not(found({ ...contents, ...own }), JSON.stringify(own));
  for (const own of [null, 7, [], {}]) assert.not(found(own), JSON.stringify(own));
});

test('a disk that fails is told once, and nothing more is kept', () => {
  const folder = newFolder();
  const room = openCacheRoom(folder, 10_000);
  rmSync(folder, { recursive: true });
  const cache = new ClipCache(room);
  {
    using writer = cache.writer(video);
    writer?.begin();
    writer?.add(frameOf());
    writer?.commit();
  }
  assert.is(cache.takeTrouble(), `no more decoded clips are kept in ${folder}: no such file or folder`);
  assert.is(cache.takeTrouble(), undefined);
  assert.is(cache.writer(video), undefined);
  writeFileSync(join(root, 'file'), '');
  assert.throwsWith(() => openCacheRoom(join(root, 'file', 'in'), 1), FirstlightError, /file\/in/);
});

test.run();
