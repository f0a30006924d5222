import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { CheckpointCorruptError, RunLockedError } from '../engine/errors.ts';
import { disk, type Files } from '../model/checkpoint/files.node.ts';
import { CheckpointStore } from '../train/checkpoint/store.ts';
import { snapshotAt } from './checkpoint_sample.ts';

const root = mkdtempSync(join(tmpdir(), 'firstlight-store-'));
test.after(() => rmSync(root, { recursive: true, force: true }));

let folders = 0;
const fresh = () => join(root, String(folders++));

async function using<T>(folder: string, work: (store: CheckpointStore) => Promise<T>, files: Files = disk): Promise<T> {
  const store = await CheckpointStore.open(folder, files);
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

const stepOf = (folder: string) => using(folder, async (store) => (await store.latest())?.state.step);

async function messageOf(work: () => Promise<unknown>): Promise<string> {
  try {
    await work();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('expected an error');
}

test('what is saved comes back bit for bit', async () => {
  const folder = fresh();
  const saved = snapshotAt(7);
  await using(folder, (store) => store.save(saved));
  await using(folder, async (store) => {
    const found = await store.latest();
    assert.equal(found?.state, saved.state);
    const moments = await found?.moments();
    for (const [name, { m, v }] of saved.moments) {
      assert.equal(new Uint32Array(moments?.(name).m.buffer as ArrayBuffer), new Uint32Array(m.buffer), 'NaN payloads, −0 and denormals too');
      assert.equal(new Uint32Array(moments?.(name).v.buffer as ArrayBuffer), new Uint32Array(v.buffer));
    }
    assert.match(await messageOf(async () => moments?.('nobody')), /"nobody\.m": there is no such tensor/);
  });
});

test('a new store has nothing to go on from', async () => assert.is(await stepOf(fresh()), undefined));

test('the last two are kept', async () => {
  const folder = fresh();
  await using(folder, async (store) => {
    for (const step of [1, 2, 3]) await store.save(snapshotAt(step));
  });
  assert.equal(readdirSync(folder).sort(), ['step-00000002', 'step-00000003']);
});

test('a step that is saved again stays as it is, and is replaced if it is damaged', async () => {
  const folder = fresh();
  await using(folder, async (store) => {
    const path = await store.save(snapshotAt(4));
    const before = readFileSync(join(path, 'state.json'), 'utf8');
    assert.is(await store.save({ ...snapshotAt(4), state: { ...snapshotAt(4).state, elapsedSeconds: 99 } }), path);
    assert.is(readFileSync(join(path, 'state.json'), 'utf8'), before);
    truncateSync(join(path, 'optimizer.safetensors'), 10);
    await store.save(snapshotAt(4));
    assert.is((await store.latest())?.state.step, 4);
  });
});

test('a flipped bit in any file is found, and the checkpoint before it serves', async () => {
  const folder = fresh();
  const path = await using(folder, async (store) => {
    await store.save(snapshotAt(1));
    return store.save(snapshotAt(2));
  });
  for (const file of readdirSync(path)) {
    const whole = readFileSync(join(path, file));
    const broken = Buffer.from(whole);
    broken[broken.length >> 1] ^= 1;
    writeFileSync(join(path, file), broken);
    await using(folder, async (store) => {
      const latest = await store.latest();
      // a bit of state.json may be one of the time that has passed: such a state is still whole
      if (file !== 'state.json') {
        assert.is(latest?.state.step, 1, file);
        assert.match(store.damaged[0].reason, file);
      }
    });
    writeFileSync(join(path, file), whole);
  }
  truncateSync(join(path, 'state.json'), 40);
  assert.is(await stepOf(folder), 1);
  rmSync(join(path, 'config.json'));
  assert.is(await stepOf(folder), 1);
});

test('if no checkpoint is whole, the error says what is wrong with each', async () => {
  const folder = fresh();
  await using(folder, async (store) => {
    for (const step of [1, 2]) truncateSync(join(await store.save(snapshotAt(step)), 'model.safetensors'), 100);
    try {
      await store.latest();
      assert.unreachable();
    } catch (error) {
      assert.instance(error, CheckpointCorruptError);
      assert.match((error as Error).message, /step-00000002: model\.safetensors has 100 bytes.*\n.*step-00000001: model\.safetensors has 100 bytes/);
    }
  });
});

/**
 * The disk until call number `at`, which fails. `crash`: all later calls fail as well, and what was not brought to the disk
 * by then is lost in part, as when the power goes.
 */
function failing(at: number, kind: 'once' | 'crash'): { files: Files; calls: () => number } {
  let calls = 0;
  const unsynced = new Set<string>();
  const call = async <T>(work: () => Promise<T>): Promise<T> => {
    calls++;
    if (calls === at || (kind === 'crash' && calls > at)) {
      if (calls === at && kind === 'crash') for (const path of unsynced) truncateSync(path, readFileSync(path).length >> 1);
      throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
    }
    return work();
  };
  const files: Files = {
    mkdir: (path) => call(() => disk.mkdir(path)),
    list: (path) => call(() => disk.list(path)),
    open: (path) => call(() => disk.open(path)),
    create: (path) => call(async () => {
      const file = await disk.create(path);
      unsynced.add(path);
      return {
        // a disk may take fewer bytes than it was given
        write: (bytes) => call(() => file.write(bytes.subarray(0, Math.max(1, bytes.length >> 1)))),
        sync: () => call(async () => {
          await file.sync();
          unsynced.delete(path);
        }),
        close: () => file.close(),
      };
    }),
    rename: (from, to) => call(async () => {
      await disk.rename(from, to);
      if (unsynced.delete(from)) unsynced.add(to);
    }),
    remove: (path) => call(() => disk.remove(path)),
    syncFolder: (path) => call(() => disk.syncFolder(path)),
  };
  return { files, calls: () => calls };
}

for (const kind of ['once', 'crash'] as const) {
  test(`a fault at any call (${kind === 'once' ? 'an error' : 'a crash'}) leaves the old checkpoint or the new one, whole`, async () => {
    const counting = failing(-1, 'once');
    await using(fresh(), async (store) => {
      for (const step of [1, 2]) await store.save(snapshotAt(step));
      await store.save(snapshotAt(3));
    }, counting.files);
    const total = counting.calls();
    let [kept, renewed] = [0, 0];
    for (let at = 1; at <= total; at++) {
      const folder = fresh();
      const { files } = failing(at, kind);
      let saved = 0;
      let failed = false;
      try {
        await using(folder, async (store) => {
          for (const step of [1, 2, 3]) {
            await store.save(snapshotAt(step));
            saved = step;
          }
        }, files);
      } catch (error) {
        failed = true;
        assert.match((error as Error).message, 'ENOSPC');
      }
      const found = (await stepOf(folder)) ?? 0;
      assert.ok(found === saved || found === saved + 1, `call ${at} of ${total}: ${saved} saves were done, step ${found} was found`);
      assert.ok(failed || found === 3, `call ${at}: no error, and step ${found}`);
      if (found === saved) kept++;
      else renewed++;
      assert.equal(readdirSync(folder).filter((name) => !/^step-\d+$/.test(name)), [], 'nothing unfinished is left');
      rmSync(folder, { recursive: true });
    }
    assert.ok(kept > 20 && renewed > 0, `old ${kept}, new ${renewed}`);
  });
}

test('one process at a time: the lock of a living one holds, that of a dead one does not', async () => {
  const folder = fresh();
  const store = await CheckpointStore.open(folder);
  try {
    await CheckpointStore.open(folder);
    assert.unreachable();
  } catch (error) {
    assert.instance(error, RunLockedError);
    assert.match((error as Error).message, String(process.pid));
  }
  await store.close();
  const dead = spawn(process.execPath, ['--version']);
  await new Promise((resolve) => dead.on('close', resolve));
  for (const left of [JSON.stringify({ pid: dead.pid, host: hostname(), since: '2026-01-01' }), '{"pid":']) {
    writeFileSync(join(folder, 'lock'), left);
    assert.is(await stepOf(folder), undefined);
  }
});

test('a process that is killed while it saves leaves a store that opens whole', async () => {
  const folder = fresh();
  let last = 0;
  for (const milliseconds of [20, 55, 90, 130]) {
    const child = spawn(process.execPath, ['--import', import.meta.resolve('tsx'), new URL('./checkpoint_child.ts', import.meta.url).pathname, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
    await new Promise((resolve) => child.stdout.once('data', resolve)); // it has begun to save
    await new Promise((resolve) => setTimeout(resolve, milliseconds));
    child.kill('SIGKILL');
    await new Promise((resolve) => child.on('close', resolve));
    const step = (await stepOf(folder)) ?? 0;
    assert.ok(step >= last, `step ${step} after ${last}`);
    last = step;
  }
  assert.ok(last > 0);
});

test.run();
