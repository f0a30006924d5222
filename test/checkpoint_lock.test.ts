/** One process at a time works in the folder of a run. Locks are real files. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, testIf } from './test.ts';
import * as assert from './assert.ts';
import { RunLockedError } from '../engine/errors.ts';
import { FileError } from '../engine/file_error.ts';
import { disk } from '../model/checkpoint/files.node.ts';
import { RunLock } from '../train/checkpoint/lock.ts';
import { CheckpointStore } from '../train/checkpoint/store.ts';
import { using } from './checkpoint_sample.ts';

const root = mkdtempSync(join(tmpdir(), 'firstlight-lock-'));
test.after(() => rmSync(root, { recursive: true, force: true }));

const failureOf = (work: () => Promise<unknown>) => assert.rejectsWith(work, Error);

test('a run in use is refused with the process that holds it, and is free when that gives it back', async () => {
  const folder = join(root, 'in_use');
  const store = await CheckpointStore.open(folder);
  const error = await failureOf(() => CheckpointStore.open(folder));
  assert.instance(error, RunLockedError);
  assert.match(error.message, new RegExp(`${folder} is in use by process ${process.pid} since 20`));
  assert.match((error as RunLockedError).hint ?? '', 'wait for it to end');
  await store.close();
  await store.close();
  await using(folder, disk, async () => undefined);
});

test('the lock of a process that has died is taken over, also if another has its number now, or if it was cut off', async () => {
  const folder = mkdtempSync(join(root, 'dead-'));
  const path = join(folder, 'lock');
  const dead = spawn(process.execPath, ['--version'], { stdio: 'ignore' });
  await once(dead, 'close');
  const own = { pid: process.pid, host: hostname(), since: '2026-01-01' };
  const left = [JSON.stringify({ ...own, pid: dead.pid, began: '1' }), '{"pid":', '', 'null'];
  if (existsSync('/proc/self/stat')) left.push(JSON.stringify({ ...own, began: '1' }));
  for (const content of left) {
    writeFileSync(path, content);
    (await RunLock.take(folder)).release();
    assert.equal(readdirSync(folder), []);
  }
});

test('the lock of another machine holds, and the error names the file to remove', async () => {
  const folder = mkdtempSync(join(root, 'elsewhere-'));
  writeFileSync(join(folder, 'lock'),
    JSON.stringify({ pid: 5, host: 'elsewhere.example', since: '2026-01-01', began: null }));
  const error = (await failureOf(() => RunLock.take(folder))) as RunLockedError;
  assert.match(error.message, 'in use by process 5 on elsewhere.example since 2026-01-01');
  assert.match(error.hint ?? '', `remove ${join(folder, 'lock')}`);
});

test('of several that find a dead lock at once, one gets it', async () => {
  const folder = mkdtempSync(join(root, 'race-'));
  for (const left of ['{"pid":', JSON.stringify({ pid: 2 ** 30, host: hostname(), since: '2026-01-01', began: '1' })]) {
    writeFileSync(join(folder, 'lock'), left);
    const all = await Promise.allSettled(Array.from({ length: 6 }, () => RunLock.take(folder)));
    const winners = all.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
    assert.is(winners.length, 1);
    for (const each of all) if (each.status === 'rejected') assert.instance(each.reason, RunLockedError);
    winners[0].release();
    assert.equal(readdirSync(folder), []);
  }
});

test('a lock that is being written holds, and so does one that took the place of a dead one', async () => {
  const folder = mkdtempSync(join(root, 'written-'));
  const [path, guard] = [join(folder, 'lock'), join(folder, 'lock.takeover')];
  const lock = await RunLock.take(folder);
  const living = readFileSync(path, 'utf8');
  lock.release();
  writeFileSync(path, '');
  const early = RunLock.take(folder).catch((error: Error) => error);
  await new Promise((resolve) => setImmediate(resolve));
  writeFileSync(path, living);
  assert.instance(await early, RunLockedError);
  writeFileSync(path, JSON.stringify({ pid: 2 ** 30, host: hostname(), since: '2026-01-01', began: '1' }));
  writeFileSync(guard, ''); // another has just begun to take it over
  const late = RunLock.take(folder).catch((error: Error) => error);
  await new Promise((resolve) => setImmediate(resolve));
  writeFileSync(path, living);
  rmSync(guard);
  assert.instance(await late, RunLockedError);
  assert.is(readFileSync(path, 'utf8'), living);
});

testIf(existsSync('/proc/self/stat'), 'the system does not tell of its processes')(
  'a process that has ended, and that its parent did not ask about, holds nothing any more',
  async () => {
    const folder = mkdtempSync(join(root, 'ended-'));
    // the shell becomes a program that asks about no child
    const parent = spawn('sh', ['-c', 'sleep 0.05 & echo $!; exec sleep 60'], { stdio: ['ignore', 'pipe', 'ignore'] });
    try {
      const pid = Number(String((await once(parent.stdout, 'data'))[0]));
      const fields = () => readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
      while (fields()[0] !== 'Z') await new Promise((resolve) => setTimeout(resolve, 2));
      writeFileSync(join(folder, 'lock'),
        JSON.stringify({ pid, host: hostname(), since: '2026-01-01', began: fields()[19] }));
      (await RunLock.take(folder)).release();
      assert.equal(readdirSync(folder), []);
    } finally {
      parent.kill('SIGKILL');
      await once(parent, 'close');
    }
  },
);

test('a lock that cannot be written is an error that names it', async () => {
  const absent = join(root, 'absent');
  const error = await failureOf(() => RunLock.take(absent));
  assert.instance(error, FileError);
  assert.match(error.message, `${join(absent, 'lock')}: no such file or folder`);
});

test('a lock that another has taken since is left alone', async () => {
  const folder = mkdtempSync(join(root, 'since-'));
  const lock = await RunLock.take(folder);
  writeFileSync(join(folder, 'lock'), 'of another');
  lock.release();
  assert.is(readFileSync(join(folder, 'lock'), 'utf8'), 'of another');
});

test.run();
