/** A checkpoint that rank 0 sends: all of its bytes, in as many pieces as it has, and nothing that is left behind. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { CheckpointCorruptError } from '../engine/errors.ts';
import { disk } from '../model/checkpoint/files.node.ts';
import { receiveCheckpoint, sendCheckpoint } from '../train/ranks/sent_checkpoint.ts';
import type { Saved } from '../train/checkpoint/store.ts';
import { ALONE } from '../mpi/world.ts';
import { snapshotAt, using } from './checkpoint_sample.ts';
import { inStep, OutOfStepError } from './lockstep.ts';
import { openUnder } from './open_files.ts';

const root = mkdtempSync(join(tmpdir(), 'firstlight-sent-'));
const { TMPDIR } = process.env;
const received = join(root, 'received');
test.before(() => {
  mkdirSync(received);
  process.env.TMPDIR = received; // where a rank keeps what it was sent
});
test.after(() => {
  if (TMPDIR === undefined) delete process.env.TMPDIR;
  else process.env.TMPDIR = TMPDIR;
  rmSync(root, { recursive: true, force: true });
});

/** The checkpoint that a run of this name has left. */
const saved = (name: string) =>
  using(join(root, name), disk, async (store) => {
    await store.save(snapshotAt(7));
    return (await store.latest()) as Saved;
  });

/** What each of three ranks gives; the others' is what they were sent, looked at while they have it. */
const sent = <T>(what: Saved | undefined, look: (got: Saved | undefined) => T | Promise<T>, seen: string[] = []) =>
  inStep(3, async (world) => {
    if (world.rank === 0) return void (await sendCheckpoint(world, what));
    await using got = await receiveCheckpoint(world);
    return await look(got.saved);
  }, seen);

test('each rank has the files of rank 0, byte for byte, until it needs them no more', async () => {
  const own = await saved('whole');
  // not sealed: no file of a checkpoint is as small, or needs to be as large here
  writeFileSync(join(own.path, 'empty'), '');
  writeFileSync(join(own.path, 'large'), 'begins');
  truncateSync(join(own.path, 'large'), 2 ** 22);
  writeFileSync(join(own.path, 'large'), 'in the second piece', { flag: 'a' });
  const names = readdirSync(own.path).sort();
  const seen: string[] = [];
  const got = await sent(own, async (other) => {
    const path = other?.path as string;
    assert.equal(readdirSync(dirname(path)).filter((name) => name !== 'lock.json' && !name.startsWith('.')), [
      basename(own.path),
    ]);
    assert.equal(readdirSync(path).sort(), names);
    for (const name of names) {
      assert.ok(readFileSync(join(path, name)).equals(readFileSync(join(own.path, name))), name);
    }
    assert.equal(other?.state, own.state);
    assert.equal((await other?.moments())?.('text_projection').m, snapshotAt(7).moments.get('text_projection')?.m);
    return path;
  }, seen);
  assert.is(new Set(got).size, 3, 'each has a folder of its own');
  assert.equal(readdirSync(received), []);
  assert.equal(openUnder(root), [], 'all files are closed');
  const sizes = seen.slice(1).map((name) => Number(/^broadcast of (\d+) bytes from 0$/.exec(name)?.[1]));
  assert.is(seen[0], 'gather');
  assert.is(sizes.length, names.length, 'one piece for each file, none for the empty one, two for the large one');
  assert.ok(sizes.includes(2 ** 22) && sizes.includes(19));
});

test('a run that begins is told so, and one rank alone sends nothing', async () => {
  const seen: string[] = [];
  assert.equal(await sent(undefined, (other) => [other], seen), [undefined, [undefined], [undefined]]);
  assert.equal([seen, readdirSync(received)], [['gather'], []]);
  await sendCheckpoint({ ...ALONE, gather: () => assert.unreachable('nobody is there to be told') }, undefined);
});

test('what does not come as it was saved is refused, and removed', async () => {
  const own = await saved('damaged');
  const weights = readFileSync(join(own.path, 'model.safetensors'));
  weights[weights.length - 1] ^= 1;
  writeFileSync(join(own.path, 'model.safetensors'), weights);
  await assert.rejectsWith(sent(own, () => undefined), CheckpointCorruptError,
    /model\.safetensors does not match its checksum/);
  const vanishing = inStep(2, async (world) => {
    if (world.rank > 0) return void (await receiveCheckpoint(world));
    await sendCheckpoint({ ...world, broadcast: () => Promise.reject(new Error('the link is gone')) }, own);
  });
  await assert.rejectsWith(vanishing, Error, 'the link is gone');
  assert.equal([readdirSync(received), openUnder(root)], [[], []]);
});

test('ranks that call other things are told of it, and none waits for ever', async () => {
  await assert.rejectsWith(inStep<unknown>(2, (world) => (world.rank > 0 ? world.barrier() : world.gather(1))),
    OutOfStepError, 'rank 1 calls a barrier, another one a gather');
  await assert.rejectsWith(inStep(2, async (world) => (world.rank > 0 ? undefined : world.barrier())), OutOfStepError,
    'rank 1 has ended, others wait in a barrier');
});

test.run();
