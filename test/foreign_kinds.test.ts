/** A pipe in place of a file is refused before it is opened, by whoever was to read it: nothing waits for a writer. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, testIf } from './test.ts';
import * as assert from './assert.ts';
import { DatasetError, FirstlightError, VideoDecodeError } from '../engine/errors.ts';
import { FileError } from '../engine/file_error.ts';
import { openRegular, openRegularSync, readRegular, readRegularSync } from '../engine/regular_file.node.ts';
import { diskFolder, openCheckpoint } from '../model/checkpoint/folder.node.ts';
import { configToHuggingFace } from '../model/checkpoint/huggingface.ts';
import { PRESETS } from '../model/systems/config.ts';
import { clipTokenizer } from '../model/tokenizer.node.ts';
import { readTokenizer } from '../model/checkpoint/tokenizer_files.ts';
import { RunLock } from '../train/checkpoint/lock.ts';
import { CheckpointStore } from '../train/checkpoint/store.ts';
import { readQuarantine } from '../train/data/loading/quarantine.ts';
import { readLabels, readList } from '../train/data/sets/lists.ts';
import { readFrames } from '../train/data/video/decode.ts';
import { KIND_HINT } from '../train/data/video/hints.ts';
import { inspect } from '../train/data/video/inspect.ts';
import { readPng } from '../train/data/video/stills.ts';
import { readRunLog } from '../train/log/run_log.ts';
import { Findings } from '../train/run/findings.ts';
import { unwritable } from '../train/run/run_folder.ts';
import { readFixtures } from '../train/verify/folder.ts';

const testPipe = testIf(process.platform !== 'win32', 'this system has no pipes among its files');
const root = mkdtempSync(join(tmpdir(), 'firstlight-kinds-'));
test.after(() => rmSync(root, { recursive: true, force: true }));

let made = 0;
/** A new folder with a pipe of that name in it. */
function folderWithPipe(name: string): string {
  const folder = join(root, String(made++));
  mkdirSync(folder);
  execFileSync('mkfifo', [join(folder, name)]);
  return folder;
}

const REGULAR = /is not a regular file|no regular file/;

testPipe('a pipe is not opened, in whichever way a file would be', async () => {
  const pipe = join(folderWithPipe('pipe'), 'pipe');
  for (const read of [openRegularSync, readRegularSync]) assert.throwsWith(() => read(pipe), FileError, REGULAR);
  for (const read of [openRegular, readRegular]) await assert.rejectsWith(() => read(pipe), FileError, REGULAR);
  assert.throwsWith(() => readRegularSync('/dev/zero'), FileError, REGULAR);
  assert.throwsWith(() => readRegularSync(root), FileError, /is a folder, expected a file/);
});

testPipe('what is no file is refused as a video with a hint of what is one, and what is not there with one of the path',
  () => {
    const folder = folderWithPipe('pipe.mp4');
    for (const [name, reason, advice] of [['pipe.mp4', /is not a regular file$/, KIND_HINT], ['', /is a folder$/,
      KIND_HINT], ['none.mp4', /no such file$/, /^check the path/], ['pipe.mp4/x.mp4', /no such file$/,
      /^check the path/]] as const) {
      const { message, hint } = assert.throwsWith(() => inspect(join(folder, name)), VideoDecodeError);
      assert.match(message, reason);
      assert.match(hint ?? '', advice);
    }
  });

test('a file that is larger than what is read at once is refused with both numbers', () => {
  const file = join(root, 'large');
  writeFileSync(file, 'four');
  assert.is(readRegularSync(file, 4).toString(), 'four');
  assert.throwsWith(() => readRegularSync(file, 3), FileError, /large: has 4 B, at most 3 B are read/);
});

for (const name of ['model.safetensors', 'model.safetensors.index.json', 'config.json', 'preprocessor_config.json',
  'tokenizer.json']) {
  testPipe(`a checkpoint whose ${name} is a pipe is refused`, async () => {
    const folder = folderWithPipe(name);
    if (name.startsWith('tokenizer')) {
      await assert.rejectsWith(readTokenizer(diskFolder(folder)), FirstlightError, REGULAR);
    } else {
      if (!name.startsWith('model')) writeFileSync(join(folder, 'model.safetensors'), WEIGHTS);
      if (name.startsWith('preprocessor')) writeFileSync(join(folder, 'config.json'), CONFIG);
      await assert.rejectsWith(openCheckpoint(folder), FirstlightError, REGULAR);
    }
  });
}

const header = JSON.stringify({ 'vision_model.x': { dtype: 'F32', shape: [2000], data_offsets: [0, 8000] } }).padEnd(
  80,
);
/** A file with a tensor that tells in which names it is. */
const WEIGHTS = Buffer.concat([Buffer.from([80, 0, 0, 0, 0, 0, 0, 0]), Buffer.from(header), Buffer.alloc(8000)]);
/** A model so small that it could have no more numbers. */
const CONFIG = JSON.stringify(
  configToHuggingFace({ ...PRESETS.tiny, vision: { ...PRESETS.tiny.vision, width: 2, mlp: 2, patch: 32 },
    text: { ...PRESETS.tiny.text, width: 2, mlp: 2, vocab: 10 } }),
);

testPipe('a video, a picture, a list, names, and a list of merges are refused', async () => {
  const folder = folderWithPipe('a.mp4');
  await assert.rejectsWith(readFrames(join(folder, 'a.mp4'), () => [0]), FirstlightError, REGULAR);
  assert.throwsWith(() => readPng(join(folder, 'a.mp4')), FirstlightError, REGULAR);
  assert.throwsWith(() => readLabels(join(folder, 'a.mp4')), DatasetError, REGULAR);
  const list = join(folder, 'list.txt');
  writeFileSync(list, 'a.mp4 0\n');
  assert.throwsWith(() => readList(list, { root: folder, names: ['a'] }), DatasetError,
    /list\.txt:1: "a\.mp4" is no regular file, expected a file/);
  await assert.rejectsWith(clipTokenizer(folderWithPipe('bpe_simple_vocab_16e6.txt.gz')), FirstlightError, REGULAR);
});

testPipe('what a run keeps of itself is refused', async () => {
  assert.throwsWith(() => readRunLog(join(folderWithPipe('log.jsonl'), 'log.jsonl')), FileError, REGULAR);
  assert.throwsWith(() => readQuarantine(folderWithPipe('quarantine.jsonl')), FileError, REGULAR);
  assert.throwsWith(() => new Findings(join(folderWithPipe('c.jsonl'), 'c.jsonl')), FileError, REGULAR);
  await assert.rejectsWith(readFixtures(folderWithPipe('ops.json')), FileError, REGULAR);
  const run = folderWithPipe('result.json');
  assert.equal(unwritable(run).map(({ message }) => message), [
    `${join(run, 'result.json')}: is no regular file, a run writes a file here`,
  ]);
  const store = await CheckpointStore.open(join(root, 'store'));
  mkdirSync(join(root, 'store', 'step-00000001'));
  execFileSync('mkfifo', [join(root, 'store', 'step-00000001', 'state.json')]);
  await assert.rejectsWith(store.latest(), FirstlightError, REGULAR);
  await store.close();
});

testPipe('a folder or a pipe where the lock should be is an error that names it', async () => {
  const folder = folderWithPipe('lock');
  await assert.rejectsWith(RunLock.take(folder), FileError, /lock: is in the way: the lock of the run belongs here/);
  const other = join(root, 'other');
  mkdirSync(join(other, 'lock'), { recursive: true });
  await assert.rejectsWith(RunLock.take(other), FileError, { hint: 'move it away' });
});

test.run();
