/** What the system refuses is told with path, reason and remedy, whatever was read or written. */
import { spawnSync } from 'node:child_process';
import fs, { chmodSync, mkdirSync, mkdtempSync, openSync, rmSync, truncateSync, writeFileSync,
  writeSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, testIf } from './test.ts';
import * as assert from './assert.ts';
import { CheckpointFormatError, VideoDecodeError } from '../engine/errors.ts';
import { FileError, fileErrorOf, onFileSync } from '../engine/file_error.ts';
import { readText } from '../engine/read_text.browser.ts';
import { openRegular, openRegularSync, readRegular, readRegularSync } from '../engine/regular_file.node.ts';
import { inspect } from '../train/data/video/inspect.ts';
import { FileBytes } from '../model/checkpoint/bytes.node.ts';
import { disk, type Files, writeAtomically } from '../model/checkpoint/files.node.ts';
import { tolerant } from '../model/checkpoint/tolerant.node.ts';
import { exitCodeOf, explain } from '../train/cli/failure.ts';
import { openUnder } from './open_files.ts';
import { SimulatedDisk } from './simulated_disk.ts';

const folder = mkdtempSync(join(tmpdir(), 'firstlight-files-'));
test.after(() => {
  chmodSync(folder, 0o700);
  rmSync(folder, { recursive: true, force: true });
});

const problem = (code: string, more: object = {}) => Object.assign(new Error(`${code}: raw text`), { code, ...more });

test('an error of the system is a sentence with its path and a remedy, never a defect of Firstlight', () => {
  for (const [code, reason] of [['ENOENT', 'no such file or folder'], ['ENOTDIR', 'is a file, not a folder'], ['EISDIR',
    'is a folder, expected a file'], ['EACCES', 'permission denied'], ['EROFS', 'the disk is read-only'], ['ENOSPC',
    'the disk is full'], ['EDQUOT', 'quota'], ['EMFILE', 'too many files open'], ['EBUSY', 'in use by another program'],
    ['EIO', 'the disk failed'], ['ENAMETOOLONG', 'longer than']] as const) {
    const error = problem(code, { syscall: 'open', path: '/data/a.csv' });
    const text = explain(error, false);
    assert.match(text, /^firstlight: \/data\/a\.csv: .*\n  .+\n$/, code);
    assert.match(text, reason);
    assert.not.match(text, /defect|raw text/);
    assert.is(exitCodeOf(error), 1);
  }
  assert.match(explain(new Error('x is undefined'), false), 'a defect of Firstlight');
});

test('a path with a NUL character is refused by whoever was to read it', async () => {
  const message = 'a\\u0000b: holds a NUL character, as no path does';
  for (const read of [openRegularSync, readRegularSync]) assert.throwsWith(() => read('a\0b'), FileError, message);
  for (const read of [openRegular, readRegular]) await assert.rejectsWith(() => read('a\0b'), FileError, message);
  assert.throwsWith(() => inspect('a\0b'), VideoDecodeError, message);
  await assert.rejectsWith(FileBytes.open('a\0b'), CheckpointFormatError, message);
});

test('a code that no sentence is known for keeps the words of the system', () => {
  assert.is(explain(problem('EOVERFLOW', { path: 'p' }), false), 'firstlight: p: EOVERFLOW: raw text\n');
});

test('real calls: a file for a folder, a folder for a file, what is not there, a file that is only read', async () => {
  const file = join(folder, 'file');
  writeFileSync(file, 'x');
  const of = (work: () => unknown) => (fileErrorOf(assert.throwsWith(work, Error)) as Error).message;
  assert.is(of(() => mkdirSync(join(file, 'run'), { recursive: true })),
    `${join(file, 'run')}: a part of this path is a file, not a folder`);
  assert.is(of(() => writeFileSync(folder, 'x')), `${folder}: is a folder, expected a file`);
  assert.is(of(() => openSync(join(folder, 'none'), 'r')), `${join(folder, 'none')}: no such file or folder`);
  const handle = openSync(file, 'r');
  assert.is(of(() => onFileSync(file, () => writeSync(handle, 'x'))), `${file}: EBADF: bad file descriptor, write`);
  await assert.rejectsWith(FileBytes.open(folder), CheckpointFormatError, `${folder}: is a folder, expected a file`);
});

test('a disk that fills up while a file is written is named with the file', async () => {
  const full: Files = { ...disk,
    create: async () => ({ write: () => Promise.reject(problem('ENOSPC')), sync: () => Promise.resolve(),
      close: () => Promise.resolve() }) };
  const error = await assert.rejectsWith(() => writeAtomically(tolerant(full), join(folder, 'a'), [Buffer.of(1)]),
    FileError);
  assert.is(error.message, `${join(folder, 'a.unfinished')}: the disk is full`);
});

/** A simulated disk whose renames fail with `code` so many times. */
function heldDisk(code: string, times: number): { files: Files; asked: () => number } {
  const files = new SimulatedDisk('/r');
  let asked = 0;
  const rename = files.rename.bind(files);
  files.rename = async (from, to) => {
    if (asked++ < times) throw problem(code);
    await rename(from, to);
  };
  return { files, asked: () => asked };
}

for (const code of ['EPERM', 'EBUSY', 'EACCES']) {
  test(`Windows: a file that another program holds open (${code}) is replaced when it lets go`, async () => {
    const { files, asked } = heldDisk(code, 7);
    let waited = 0;
    const patient = tolerant(files, { isHeldOpen: true, wait: async (ms) => (waited += ms) });
    await writeAtomically(patient, '/r/state.json', [Buffer.from('new')]);
    assert.equal(await files.list('/r'), ['state.json']);
    assert.is(asked(), 8);
    assert.ok(waited > 0 && waited < 10_000, `waited ${waited} ms`);
  });
}

test('Windows: what is held for more than ten seconds is an error, and the first file is as it was', async () => {
  const { files } = heldDisk('EBUSY', 1e6);
  let waited = 0;
  const patient = tolerant(files, { isHeldOpen: true, wait: async (ms) => (waited += ms) });
  const error = await assert.rejectsWith(() => writeAtomically(patient, '/r/a', [Buffer.of(1)]), FileError);
  assert.is(error.message, '/r/a: is in use by another program');
  assert.ok(waited >= 10_000 && waited < 11_000, `waited ${waited} ms`);
  assert.equal(await files.list('/r'), []);
});

test('elsewhere nothing holds a file, and an error is told at once', async () => {
  const { files, asked } = heldDisk('EACCES', 1);
  const patient = tolerant(files, { isHeldOpen: false, wait: () => assert.unreachable('waited') });
  await assert.rejectsWith(() => writeAtomically(patient, '/r/a', [Buffer.of(1)]), /permission denied/);
  assert.is(asked(), 1);
});

test('a folder that cannot be brought to the disk by itself is no error; a disk that fails is', async () => {
  for (const [code, isError] of [['EPERM', false], ['EISDIR', false], ['EINVAL', false], ['ENOTSUP', false], ['EIO',
    true]] as const) {
    const files = tolerant({ ...disk, syncFolder: () => Promise.reject(problem(code)) });
    if (isError) await assert.rejectsWith(() => files.syncFolder('/r'), FileError);
    else assert.is(await files.syncFolder('/r'), undefined, code);
  }
});

test('files are read up to a size, to the byte, and no further: 256 MiB if nobody says otherwise', async () => {
  const path = join(folder, 'long');
  writeFileSync(path, Buffer.alloc(100, 7));
  const ways = [readRegular, async (...asked: Parameters<typeof readRegular>) => readRegularSync(...asked)];
  for (const read of ways) {
    assert.is((await read(path, 100)).length, 100);
    await assert.rejectsWith(read(path, 99), FileError, /has 100 B, at most 99 B are read/);
  }
  truncateSync(path, 2 ** 28 + 1); // of which the disk has a hundred
  for (const read of ways) {
    await assert.rejectsWith(read(path), FileError,
      /has 256\.0 MiB \(268,435,457 B\), at most 256\.0 MiB \(268,435,456 B\) /);
  }
});

testIf(process.platform !== 'win32', 'Windows has no pipes among its files')(
  'a pipe that takes the place of a file once that was looked at holds nobody up',
  () => {
    const pipe = join(folder, 'pipe');
    rmSync(pipe, { force: true });
    assert.is(spawnSync('mkfifo', [pipe]).status, 0);
    const { statSync } = fs;
    Object.assign(fs, { statSync: () => ({ isFile: () => true }) });
    syncBuiltinESMExports();
    try {
      assert.throwsWith(() => openRegularSync(pipe), FileError, /pipe: /);
    } finally {
      Object.assign(fs, { statSync });
      syncBuiltinESMExports();
    }
  },
);

test('what is no regular file after all is closed again', async () => {
  const { stat } = fs.promises;
  Object.assign(fs.promises, { stat: async () => ({ isFile: () => true }) });
  syncBuiltinESMExports();
  try {
    await assert.rejectsWith(openRegular(folder), FileError, `${folder}: is a folder, expected a file`);
  } finally {
    Object.assign(fs.promises, { stat });
    syncBuiltinESMExports();
  }
  assert.not.ok(openUnder(folder).includes(folder));
});

test('an error of a code that nobody knows, of no file that is known, stays as it is', () => {
  const [foreign, full] = [problem('EFOO'), problem('ENOSPC')];
  assert.is(fileErrorOf(foreign), foreign);
  assert.is((fileErrorOf(full) as Error).message, 'a file (unnamed): the disk is full');
});

test('in a page, a text that is not to be had is told with its address and why', async () => {
  const { fetch } = globalThis;
  const url = new URL('https://host/a.wgsl');
  try {
    globalThis.fetch = async () => new Response('text');
    assert.is(await readText(url), 'text');
    globalThis.fetch = async () => new Response('page', { status: 404, statusText: 'Not Found' });
    await assert.rejectsWith(readText(url), Error, 'https://host/a.wgsl: 404 Not Found');
  } finally {
    globalThis.fetch = fetch;
  }
});

test.run();
