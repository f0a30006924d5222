/** What opens files closes them, whatever comes of it: a run of weeks opens millions. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, realpathSync, rmSync,
  writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, testIf } from './test.ts';
import * as assert from './assert.ts';
import { FileError } from '../engine/file_error.ts';
import { readRegular, readRegularSync } from '../engine/regular_file.node.ts';
import { CheckpointFormatError } from '../engine/errors.ts';
import { openCheckpoint, openWeights } from '../model/checkpoint/folder.node.ts';
import { configToHuggingFace } from '../model/checkpoint/huggingface.ts';
import { encodeTorch } from '../model/checkpoint/pickle/write.ts';
import { PRESETS } from '../model/systems/config.ts';
import { ClipCache, openCacheRoom } from '../train/data/loading/clip_cache.ts';
import { readSample } from '../train/data/loading/sample.ts';
import { readFrames } from '../train/data/video/decode.ts';
import { writeVideo } from '../train/data/video/encode.ts';
import { AppendedFile } from '../train/log/appended.ts';
import { Progress } from '../train/log/progress.ts';
import { RunRecorder } from '../train/log/recorder.ts';
import { RunLock } from '../train/checkpoint/lock.ts';
import { FixtureFile } from '../train/verify/fixture.ts';
import { FileBytes } from '../model/checkpoint/bytes.node.ts';
import { configHeld } from '../train/run/start.ts';
import { receiveCheckpoint, sendCheckpoint } from '../train/ranks/sent_checkpoint.ts';
import { ALONE, type World } from '../mpi/world.ts';
import { snapshotAt, using } from './checkpoint_sample.ts';
import { disk } from '../model/checkpoint/files.node.ts';
import { all, clip, refusal } from './video_sample.ts';

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'firstlight-closing-')));
test.after(() => rmSync(folder, { recursive: true, force: true }));
const at = (name: string) => join(folder, name);

writeVideo(at('sound.mp4'), clip(6));
writeFileSync(at('cut.mp4'), readFileSync(at('sound.mp4')).subarray(0, 900));
writeFileSync(at('long.txt'), 'x'.repeat(100));
writeFileSync(at('no.safetensors'), Buffer.alloc(64, 1));
const pieces: Uint8Array[] = [];
for await (const piece of encodeTorch([{ name: 'w', shape: [2] }], () => Float32Array.of(1, 2))) pieces.push(piece);
writeFileSync(at('w.pth'), Buffer.concat(pieces));
mkdirSync(at('runs'));
mkdirSync(at('held'));
// the sizes of a model, and too few weights for it
writeFileSync(at('held/config.json'), JSON.stringify(configToHuggingFace(PRESETS.tiny)));
const header = JSON.stringify({ 'vision_model.x': { dtype: 'F32', shape: [2], data_offsets: [0, 8] } }).padEnd(80);
writeFileSync(at('held/model.safetensors'),
  Buffer.concat([Buffer.from([80, 0, 0, 0, 0, 0, 0, 0]), Buffer.from(header), Buffer.alloc(8)]));

const room = openCacheRoom(at('kept'), 2 ** 24);
const cache = new ClipCache(room);
const sampling = { frames: 4, size: 32, crop: true, flip: true, seed: 5 };
const sample = (name: string) => readSample({ path: at(name), index: 0, purpose: { epoch: 0 }, sampling }, cache);
const keptFile = () => join(room.folder, readdirSync(room.folder)[0]);

/** Two ranks of one process: what the first one has reaches the other in order. */
function pair(): readonly World[] {
  const sent: unknown[] = [];
  const waiting: ((value: unknown) => void)[] = [];
  const send = (value: unknown) => {
    const next = waiting.shift();
    if (next === undefined) sent.push(value);
    else next(value);
  };
  const taken = () => sent.length > 0 ? Promise.resolve(sent.shift()) : new Promise((resolve) => waiting.push(resolve));
  const world = { ...ALONE, size: 2 };
  return [
    { ...world, gather: async (value) => {
      send(value);
      return [value, value];
    }, broadcast: async (bytes) => send(bytes.slice()) },
    { ...world, rank: 1, gather: async <T>(value: T) => [(await taken()) as T, value],
      broadcast: async (bytes) => bytes.set(await taken() as Uint8Array) },
  ];
}

const WAYS: Readonly<Record<string, () => unknown>> = {
  'a file that is read': async () => [await readRegular(at('long.txt')), readRegularSync(at('long.txt'))],
  'a file that is longer than may be': async () => {
    await assert.rejectsWith(readRegular(at('long.txt'), 10), FileError);
    assert.throwsWith(() => readRegularSync(at('long.txt'), 10), FileError);
  },
  'a video': () => readFrames(at('sound.mp4'), all),
  'a video that is cut off': () => refusal(at('cut.mp4')),
  'a clip that is kept, found, damaged and kept anew': async () => {
    await sample('sound.mp4');
    assert.is((await sample('sound.mp4')).total, 6);
    writeFileSync(keptFile(), readFileSync(keptFile()).fill(1, 0, 1000));
    await sample('sound.mp4');
  },
  'a clip that cannot be decoded': () => assert.rejectsWith(sample('cut.mp4'), /cut\.mp4/),
  'weights': async () => (await openWeights(at('w.pth'))).close(),
  'weights that cannot be read': () => assert.rejectsWith(openWeights(at('no.safetensors')), CheckpointFormatError),
  'tensors of a fixture that cannot be read': async () => {
    const fixture = new FixtureFile(at('no'), {}, (file) => FileBytes.open(file));
    await assert.rejectsWith(fixture.tensors(), CheckpointFormatError);
  },
  'weights of no model': () => assert.rejectsWith(openCheckpoint(at('w.pth')), Error),
  'a checkpoint that a run starts from': () => assert.rejectsWith(configHeld(at('held')), /weights|parameters/),
  'checkpoints of a run': () =>
    using(at('runs'), disk, async (store) => {
      await store.save(snapshotAt(1));
      assert.is((await store.latest())?.state.step, 1);
    }),
  'a checkpoint that another rank is sent': () =>
    using(at('runs'), disk, async (store) => {
      await store.save(snapshotAt(2));
      const { TMPDIR } = process.env;
      process.env.TMPDIR = folder; // where it is received
      try {
        const [first, second] = pair();
        const [, received] = await Promise.all([sendCheckpoint(first, await store.latest()),
          receiveCheckpoint(second)]);
        assert.equal([received.saved?.state.step, received.saved?.path.startsWith(at('firstlight-rank-'))], [2, true]);
        assert.equal(opened().filter((path) => !path.endsWith('lock')), []);
        await received[Symbol.asyncDispose]();
        assert.equal(readdirSync(folder).filter((name) => name.startsWith('firstlight-rank-')), []);
      } finally {
        if (TMPDIR === undefined) delete process.env.TMPDIR;
        else process.env.TMPDIR = TMPDIR;
      }
    }),
  'a lock': async () => (await RunLock.take(at('runs'))).release(),
  'a log that is removed while it is written': () => {
    const log = new AppendedFile(at('log.jsonl'), 'w+');
    log.append(Buffer.from('one'));
    rmSync(at('log.jsonl'));
    log.append(Buffer.from('two'));
    assert.is(readFileSync(at('log.jsonl'), 'utf8'), 'onetwo');
    log.close();
  },
  'a log that is removed where the disk is full': () => {
    let room = 1;
    const log = new AppendedFile(at('full.jsonl'), 'w+', (file, bytes) => {
      if (room-- <= 0) throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' });
      return writeSync(file, bytes);
    });
    log.append(Buffer.from('one'));
    rmSync(at('full.jsonl'));
    log.append(Buffer.from('two'));
    assert.throwsWith(() => log.close(), FileError);
  },
  'what a run is recorded in': () =>
    new RunRecorder(at('recorded'), { progress: new Progress({ quiet: true }) }).finish(),
};

/** Descriptors of this process, on Linux. */
const OPEN = '/proc/self/fd';
/** Files of this test that are open: others of the process may still close what they have. */
const opened = () =>
  readdirSync(OPEN).flatMap((name) => {
    try {
      return [readlinkSync(join(OPEN, name))];
    } catch {
      return []; // the one that lists them
    }
  }).filter((path) => path.startsWith(folder));
for (const [what, work] of Object.entries(WAYS)) {
  testIf(existsSync(OPEN), 'there is no /proc')(`${what}: nothing is left open`, async () => {
    await work();
    assert.equal(opened(), []);
  });
}

test.run();
