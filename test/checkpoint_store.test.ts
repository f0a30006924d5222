/** What a run saves survives errors, crashes, losses of power and damaged files; nothing here needs a GPU. */
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { CheckpointCorruptError } from '../engine/errors.ts';
import { disk, type Files } from '../model/checkpoint/files.node.ts';
import { openCheckpoint } from '../model/checkpoint/folder.node.ts';
import { clipTokenizer } from '../model/tokenizer.node.ts';
import type { Snapshot } from '../train/checkpoint/store.ts';
import { bestOf } from '../train/checkpoint/validation.ts';
import { snapshotAt, using } from './checkpoint_sample.ts';
import { SimulatedDisk } from './simulated_disk.ts';
import { killStore } from './torture/store.ts';

/** Locks are real files; with a simulated disk, they are all that is in here. */
const root = mkdtempSync(join(tmpdir(), 'firstlight-store-'));
test.after(() => rmSync(root, { recursive: true, force: true }));

let folders = 0;
const fresh = () => join(root, String(folders++));

const bits = (values: Float32Array | undefined) => new Uint32Array((values as Float32Array).buffer);
const found = (files: Files) => using(root, files, async (store) => (await store.latest())?.state);

/** A simulated disk after these saves. */
async function diskWith(...snapshots: Snapshot[]): Promise<SimulatedDisk> {
  const files = new SimulatedDisk(root);
  await using(root, files, async (store) => {
    for (const snapshot of snapshots) await store.save(snapshot);
  });
  return files;
}

const failureOf = (work: () => Promise<unknown>) => assert.rejectsWith(work, Error);

test('what is saved comes back bit for bit, in a folder that opens as a model', async () => {
  const folder = fresh();
  const { tokenizer } = (await clipTokenizer()).compact(['a red square']);
  const saved = snapshotAt(7);
  await using(folder, disk, (store) => store.save({ ...saved, content: { ...saved.content, tokenizer } }));
  await using(folder, disk, async (store) => {
    const latest = await store.latest();
    assert.equal(latest?.state, saved.state);
    const moments = await latest?.moments();
    for (const [name, { m, v }] of saved.moments) {
      assert.equal(bits(moments?.(name).m), bits(m), name);
      assert.equal(bits(moments?.(name).v), bits(v), name);
    }
    assert.match((await failureOf(async () => moments?.('nobody'))).message, /"nobody": there is no such tensor/);
    const checkpoint = await openCheckpoint(latest?.path ?? '');
    assert.equal(checkpoint.config, saved.content.config);
    assert.equal(checkpoint.tokenizer?.tokenize(['a red square'], 8), tokenizer.tokenize(['a red square'], 8));
    assert.equal(bits(await checkpoint.weights.read('text_projection', [3, 11])),
      bits(saved.moments.get('text_projection')?.v));
    await checkpoint.close();
  });
  assert.equal(readdirSync(folder), ['step-00000007'], 'the lock is given back');
});

test('a new store has nothing to go on from', async () => assert.is(await found(new SimulatedDisk(root)), undefined));

test('the last two are kept, in the order of numbers', async () => {
  const files = await diskWith(snapshotAt(3), snapshotAt(99_999_999), snapshotAt(100_000_000));
  assert.equal((await files.list(root)).sort(), ['step-100000000', 'step-99999999']);
  assert.is((await found(files))?.step, 100_000_000);
});

test('a step that is saved again is replaced', async () => {
  const files = await diskWith(snapshotAt(3), snapshotAt(4), snapshotAt(4, 2));
  assert.equal((await files.list(root)).sort(), ['step-00000003', 'step-00000004']);
  assert.is((await found(files))?.elapsedSeconds, 2);
});

test('a run that goes on from before its last checkpoint gives up what came after', async () => {
  const files = await diskWith(snapshotAt(3), snapshotAt(5), snapshotAt(4));
  assert.is((await found(files))?.step, 4);
  assert.equal((await files.list(root)).sort(), ['step-00000003', 'step-00000004']);
});

test('a changed bit in any file is found, and the checkpoint before it serves', async () => {
  const files = await diskWith(snapshotAt(1), snapshotAt(2));
  const folder = join(root, 'step-00000002');
  const names = await files.list(folder);
  assert.equal([...names].sort(), ['config.json', 'model.safetensors', 'optimizer.safetensors',
    'preprocessor_config.json', 'state.json']);
  for (const name of names) {
    const { size } = await files.open(join(folder, name));
    for (let i = 0; i < 40; i++) {
      const broken = files.copy();
      const at = Math.floor((i / 40) * size);
      broken.damage(join(folder, name), (content) => content.with(at, content[at] ^ (1 << (i % 8))));
      await using(root, broken, async (store) => {
        assert.is((await store.latest())?.state.step, 1, `${name}, byte ${at}`);
        assert.equal(store.damaged.map(({ path }) => path), [folder]);
        assert.match(store.damaged[0].reason, name);
      });
    }
  }
});

test('a file that is cut, has grown, is gone or cannot be read is damage, too', async () => {
  const whole = await diskWith(snapshotAt(1), snapshotAt(2));
  const weights = join(root, 'step-00000002', 'model.safetensors');
  const damages: [(files: SimulatedDisk) => unknown, RegExp][] = [
    [(files) => files.damage(weights, (content) => content.subarray(0, -1)),
      /^model\.safetensors has \d+ bytes, \d+ were written$/],
    [(files) => files.damage(weights, (content) => Buffer.concat([content, content])),
      /^model\.safetensors has \d+ bytes/],
    [(files) => files.remove(weights), /model\.safetensors: no such file/],
    [(files) => files.remove(join(root, 'step-00000002', 'state.json')), /state\.json: no such file/],
    [(files) => files.damage(join(root, 'step-00000002', 'state.json'), () => Buffer.from('null')),
      /state\.json: holds no state of a run/],
    [
      (files) => {
        const { open } = files;
        files.open = async (path) => {
          const source = await open.call(files, path);
          const read = () => Promise.reject(Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO' }));
          return path === weights ? { ...source, read } : source;
        };
      },
      /EIO/,
    ],
  ];
  for (const [damage, reason] of damages) {
    const files = whole.copy();
    await damage(files);
    await using(root, files, async (store) => {
      assert.is((await store.latest())?.state.step, 1, String(reason));
      assert.match(store.damaged[0].reason, reason);
    });
  }
});

test('the state of a run as another version wrote it is refused by name', async () => {
  for (const [written, name] of [[{}, '1'], [{ version: 2 }, '2'], [{ version: 4 }, '4']] as const) {
    const files = await diskWith(snapshotAt(1));
    files.damage(join(root, 'step-00000001', 'state.json'), (bytes) => {
      const { version: _, sha256: __, ...content } = JSON.parse(bytes.toString());
      const other = { ...written, ...content };
      const sha256 = createHash('sha256').update(JSON.stringify(other)).digest('hex');
      return Buffer.from(`${JSON.stringify({ ...other, sha256 }, null, 2)}\n`);
    });
    const error = await failureOf(() => found(files));
    assert.instance(error, CheckpointCorruptError);
    assert.match(error.message,
      `state.json: was written as version ${name} of a run's state, this program resumes version 3 only`);
  }
});

/** Validations after these steps. */
const validated = (...top1: readonly (readonly [step: number, top1: number])[]) =>
  top1.map(([step, share]) => ({ step, top1: share, top5: share, loss: 1 }));

test('the best is kept beside the last two, and goes once another is better: not before it can be gone back to', async () => {
  const files = new SimulatedDisk(root);
  const history = validated([1, 0.5], [2, 0.4], [3, 0.5], [4, 0.3], [5, 0.6], [6, 0.1], [7, 0.2]);
  const kept: string[] = [];
  await using(root, files, async (store) => {
    for (const { step } of history) {
      await store.save(snapshotAt(step, 1, history.slice(0, step)));
      kept.push((await files.list(root)).map((name) => name.at(-1)).sort().join(''));
    }
  });
  // step 1 stays while the state of 4 stands, whose best it is; of equal ones the first is the best
  assert.equal(kept, ['1', '12', '123', '134', '145', '56', '567']);
});

test('if the newest checkpoint is damaged, the best of the one before it is still there', async () => {
  const files = new SimulatedDisk(root);
  const history = validated([1, 0.5], [2, 0.4], [3, 0.3], [4, 0.9]);
  await using(root, files, async (store) => {
    for (const { step } of history) await store.save(snapshotAt(step, 1, history.slice(0, step)));
  });
  files.damage(join(root, 'step-00000004', 'config.json'), () => new Uint8Array(0));
  await using(root, files, async (store) => {
    const { state } = await store.latest() ?? {};
    assert.equal(state?.validations, history.slice(0, 3));
    assert.is(bestOf(state?.validations ?? [])?.step, 1);
    await store.copyModel(1, join(root, 'best'));
  });
  assert.equal((await files.list(join(root, 'best'))).sort(), ['config.json', 'model.safetensors',
    'preprocessor_config.json']);
});

test('a recent checkpoint whose state cannot be read keeps what is older, since one of them may be the best', async () => {
  const files = new SimulatedDisk(root);
  const history = validated([1, 0.5], [2, 0.4], [3, 0.3], [4, 0.2], [5, 0.1]);
  await using(root, files, async (store) => {
    for (const step of [1, 2, 3]) await store.save(snapshotAt(step, 1, history.slice(0, step)));
    files.damage(join(root, 'step-00000003', 'state.json'), () => new Uint8Array(0));
    await store.save(snapshotAt(4, 1, history.slice(0, 4)));
    assert.equal((await files.list(root)).sort(), [1, 2, 3, 4].map((step) => `step-0000000${step}`));
    await store.save(snapshotAt(5, 1, history));
  });
  assert.equal((await files.list(root)).sort(), [1, 4, 5].map((step) => `step-0000000${step}`));
});

test('the model of a checkpoint is copied as it was written, in the place of another one; a damaged one is refused', async () => {
  const files = await diskWith(snapshotAt(1), snapshotAt(2));
  const to = join(root, 'best');
  const weights = (path: string) => files.open(path).then((file) => file.read(0, file.size));
  await using(root, files, async (store) => {
    await files.mkdir(to);
    await (await files.create(join(to, 'vocab.json'))).close();
    for (const step of [1, 2]) {
      await store.copyModel(step, to);
      assert.equal(await weights(join(to, 'model.safetensors')),
        await weights(join(root, `step-0000000${step}`, 'model.safetensors')));
      assert.equal((await files.list(to)).sort(), ['config.json', 'model.safetensors', 'preprocessor_config.json']);
    }
    files.damage(join(root, 'step-00000001', 'model.safetensors'), (content) => content.with(99, content[99] ^ 1));
    await assert.rejectsWith(store.copyModel(1, to), /step-00000001: model\.safetensors does not match its checksum/);
    await assert.rejectsWith(store.copyModel(3, to), /step-00000003: .*no such file/);
    assert.equal(await weights(join(to, 'model.safetensors')),
      await weights(join(root, 'step-00000002', 'model.safetensors')));
  });
});

test('after a damaged checkpoint was passed over, it counts no more: two whole ones are kept', async () => {
  const files = await diskWith(snapshotAt(4), snapshotAt(7));
  files.damage(join(root, 'step-00000007', 'config.json'), () => new Uint8Array(0));
  await using(root, files, async (store) => {
    assert.is((await store.latest())?.state.step, 4);
    await store.save(snapshotAt(5));
    assert.is((await store.latest())?.state.step, 5);
  });
  assert.equal((await files.list(root)).sort(), ['step-00000004', 'step-00000005']);
  files.damage(join(root, 'step-00000005', 'config.json'), () => new Uint8Array(0));
  await using(root, files, async (store) => {
    assert.is((await store.latest())?.state.step, 4);
    await store.save(snapshotAt(9));
  });
  assert.equal((await files.list(root)).sort(), ['step-00000004', 'step-00000009']);
});

test('if no checkpoint is whole, the error says what is wrong with each', async () => {
  const files = await diskWith(snapshotAt(1), snapshotAt(2));
  for (const step of [1, 2]) {
    files.damage(join(root, `step-0000000${step}`, 'model.safetensors'), (content) => content.subarray(0, 100));
  }
  const error = await failureOf(() => found(files));
  assert.instance(error, CheckpointCorruptError);
  assert.match(error.message,
    /step-00000002: model\.safetensors has 100 bytes.*\n.*step-00000001: model\.safetensors has 100 bytes/);
});

/** Everything a save does: the first, a second, one that removes an old one, one that takes the place of another. */
const SAVES = [snapshotAt(1), snapshotAt(2), snapshotAt(3), snapshotAt(3, 2)];
const fullDisk = () => Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
const short = (bytes: number) => Math.ceil(bytes / 2);

async function saveAll(files: Files, onSaved: (saves: number) => void = () => undefined): Promise<void> {
  await using(root, files, async (store) => {
    for (const [i, snapshot] of SAVES.entries()) {
      await store.save(snapshot);
      onSaved(i + 1);
    }
  });
}

/**
 * That the disk gives the last save that was acknowledged or the one that was under way; that all under a checkpoint's
 * name is whole; and that nothing else is left. Returns how many saves are there.
 */
async function assertWhole(files: SimulatedDisk, saved: number, when: string): Promise<number> {
  const state = await found(files);
  const present =
    SAVES.findIndex((snapshot) =>
      snapshot.state.step === state?.step && snapshot.state.elapsedSeconds === state.elapsedSeconds
    ) + 1;
  assert.ok(present === saved || present === saved + 1,
    `${when}: ${saved} saves were acknowledged, number ${present} was found`);
  const names = await files.list(root);
  assert.equal(names.filter((name) => !/^step-\d+$/.test(name)), [], `${when}: what is unfinished is removed`);
  for (const name of names) {
    const alone = files.copy();
    for (const other of names) if (other !== name) await alone.remove(join(root, other));
    assert.is(`step-0000000${(await found(alone))?.step}`, name, `${when}: ${name} is whole`);
  }
  return present;
}

for (const kind of ['once', 'from then on'] as const) {
  test(`a disk that fails at any call, ${kind}, keeps the old checkpoint or has the new one, whole`, async () => {
    const healthy = new SimulatedDisk(root);
    healthy.taking = short;
    await saveAll(healthy);
    let [old, anew] = [0, 0];
    for (let at = 1; at <= healthy.calls; at++) {
      const files = new SimulatedDisk(root);
      files.taking = short;
      files.onCall = (call) => {
        if (call === at || (kind === 'from then on' && call > at)) throw fullDisk();
      };
      let saved = 0;
      const error = await failureOf(() => saveAll(files, (saves) => (saved = saves)));
      assert.match(error.message, 'ENOSPC');
      files.onCall = () => undefined;
      if ((await assertWhole(files, saved, `call ${at} of ${healthy.calls}`)) === saved) old++;
      else anew++;
    }
    assert.ok(old > 100 && anew > 10, `the old one ${old} times, the new one ${anew} times`);
  });
}

test('once a full disk has room again, the same store goes on saving', async () => {
  const before = await diskWith(...SAVES.slice(0, 3));
  const healthy = before.copy();
  let opened = 0;
  await using(root, healthy, (store) => {
    opened = healthy.calls;
    return store.save(SAVES[3]);
  });
  for (let at = opened + 1; at <= healthy.calls; at++) {
    const files = before.copy();
    await using(root, files, async (store) => {
      files.onCall = (call) => {
        if (call === at) throw fullDisk();
      };
      assert.match((await failureOf(() => store.save(SAVES[3]))).message, 'ENOSPC');
      await store.save(SAVES[3]);
      assert.equal((await store.latest())?.state, SAVES[3].state, `call ${at}`);
    });
    await assertWhole(files, SAVES.length, `call ${at}`);
  }
});

test('a write that takes no bytes at all is an error, not an endless loop', async () => {
  const files = await diskWith(snapshotAt(1));
  files.taking = () => 0;
  const error = await failureOf(() => using(root, files, (store) => store.save(snapshotAt(2))));
  assert.match(error.message, 'model.safetensors: the disk is full');
  assert.is((await found(files))?.step, 1);
});

test('a process that is killed, or a loss of power, at any moment leaves the old checkpoint or the new one, whole', async () => {
  const moments: { files: SimulatedDisk; saved: number; lost: string }[] = [];
  const files = new SimulatedDisk(root);
  let saved = 0;
  let seed = 1;
  const luck = () => (seed = (seed * 48271) % 0x7fffffff) / 0x7fffffff; // Park & Miller's generator
  files.onCall = (call) => {
    moments.push({ files: files.copy(), saved, lost: `killed at ${call}` });
    for (const [name, by] of [['all', () => 0], ['nothing', () => 0.999], ['some', luck], ['some more', luck], ['more',
      luck]] as const) {
      moments.push({ files: files.afterPowerLoss(by), saved, lost: `no power at ${call}, ${name} lost` });
    }
  };
  await saveAll(files, (saves) => (saved = saves));
  let [old, anew] = [0, 0];
  for (const moment of moments) {
    if ((await assertWhole(moment.files, moment.saved, moment.lost)) === moment.saved) old++;
    else anew++;
  }
  assert.ok(old > 500 && anew > 50, `the old one ${old} times, the new one ${anew} times`);
});

test('a process that is killed while it saves leaves a store that opens whole', async () => {
  const { problems, faults } = await killStore(fresh(), 1, (outcome) => outcome.faults < 5);
  assert.equal(problems, []);
  assert.is(faults, 5);
});

test.run();
