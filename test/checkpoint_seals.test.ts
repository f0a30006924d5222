/** Checksums of a checkpoint's files, and the file that holds them: each number of it at its edges. */
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { CheckpointFormatError } from '../engine/errors.ts';
import type { ByteSource } from '../model/checkpoint/bytes.ts';
import { breakOf, chunksOf, type Seal, sealing } from '../train/checkpoint/seal.ts';
import { decodeState, encodeState, type StateFile } from '../train/checkpoint/state_file.ts';
import { snapshotAt } from './checkpoint_sample.ts';
import { SimulatedDisk } from './simulated_disk.ts';

const root = join(tmpdir(), 'firstlight-seals');
const at = (name: string) => join(root, name);
const bytes = (text: string) => new TextEncoder().encode(text);
const sealOf = (text: string): Seal => ({ bytes: text.length,
  sha256: createHash('sha256').update(text).digest('hex') });

test('a file is sealed as it is closed, by the bytes that the disk took; its seal goes where its name goes', async () => {
  const disk = new SimulatedDisk(root);
  const seals = new Map<string, Seal>();
  const files = sealing(disk, seals);
  const write = async (name: string, ...pieces: readonly string[]) => {
    const file = await files.create(at(name));
    for (const piece of pieces) await file.write(bytes(piece));
    await file.sync();
    assert.not(seals.has(at(name)), 'not before');
    await file.close();
  };
  await write('a', 'abc', 'de');
  disk.taking = (length) => Math.min(length, 2);
  await write('b', 'xyz');
  disk.taking = (length) => length;
  assert.equal([...seals], [[at('a'), sealOf('abcde')], [at('b'), sealOf('xy')]]);
  await files.rename(at('a'), at('c'));
  assert.equal([...seals], [[at('b'), sealOf('xy')], [at('c'), sealOf('abcde')]]);
  await files.remove(at('b'));
  assert.equal([[...seals.keys()], await files.list(root)], [[at('c')], ['c']]);
  await files.mkdir(at('deep'));
  await files.rename(at('deep'), at('deeper')); // has no seal
  await files.syncFolder(root);
  assert.equal([[...seals.keys()], (await disk.afterPowerLoss(() => 0).list(root)).sort()], [[at('c')], ['c',
    'deeper']]);
  assert.is((await files.open(at('c'))).size, 5);
});

test('what differs from its seal is told, its size first, and the file is closed', async () => {
  const disk = new SimulatedDisk(root);
  let open = 0;
  const files = { ...sealing(disk, new Map()), open: async (path: string) => {
    const file = await disk.open(path);
    open++;
    return { ...file, close: async () => void open-- };
  } };
  const file = await files.create(at('a'));
  await file.write(bytes('abc'));
  await file.close();
  assert.is(await breakOf(files, at('a'), sealOf('abc')), undefined);
  assert.is(await breakOf(files, at('a'), sealOf('abd')), 'does not match its checksum');
  assert.is(await breakOf(files, at('a'), sealOf('ab')), 'has 3 bytes, 2 were written');
  assert.is(open, 0);
});

test('a file is read 4 MiB at a time, each byte once', async () => {
  const read = async (size: number) => {
    const asked: number[][] = [];
    const source: ByteSource = { name: 'f', size, read: (...range) => {
      asked.push(range.slice(0, 2) as number[]);
      return Promise.resolve(new Uint8Array(0));
    } };
    for await (const _ of chunksOf(source)) { /* as many as there are */ }
    return asked;
  };
  const piece = 2 ** 22;
  assert.equal([await read(0), await read(3), await read(piece)], [[], [[0, 3]], [[0, piece]]]);
  assert.equal(await read(2 * piece + 1), [[0, piece], [piece, piece], [2 * piece, 1]]);
});

const { state } = snapshotAt(1);
const seal = sealOf('w');
/** A state with something in the place of something else is read back, or refused with this. */
function isRead(change: (file: { state: Record<string, unknown>; files: Record<string, unknown> }) => void): boolean {
  const file = structuredClone({ state, files: { 'model.safetensors': seal } });
  change(file as unknown as Parameters<typeof change>[0]);
  try {
    assert.equal(decodeState('s', encodeState(file as unknown as StateFile)), file);
    return true;
  } catch (error) {
    if (!(error instanceof CheckpointFormatError)) throw error;
    assert.match(error.message, 's: holds no state of a run: ');
    return false;
  }
}

test('numbers of a state are read up to their edges, and refused beyond', () => {
  const validation = { step: 0, top1: 0, top5: 1, loss: 0 };
  const read = (key: string, ...values: readonly unknown[]) =>
    values.map((value) => isRead(({ state: own }) => (own[key] = value)));
  assert.equal([read('step', 0, 1), read('step', -1, 0.5)], [[true, true], [false, false]]);
  assert.equal([read('seed', 0), read('seed', -1, 1.5)], [[true], [false, false]]);
  assert.equal([read('elapsedSeconds', 0, 0.5), read('elapsedSeconds', -0.5)], [[true, true], [false]]);
  assert.equal([read('epoch', { steps: 0, lossSum: -3 }), read('epoch', { steps: -1, lossSum: 0 })], [[true], [false]]);
  assert.equal(read('validations', [validation], [{ ...validation, loss: null }], [{ ...validation, top1: 1.001 }], [{
    ...validation,
    top1: -0.001,
  }], [{ ...validation, top5: 1.001 }], [{ ...validation, loss: -0.5 }], [{ ...validation, step: -1 }]), [true, true,
    false, false, false, false, false]);
  const { optimizer } = state;
  for (const key of ['steps', 'finiteInARow', 'skippedInARow', 'skipped']) {
    assert.equal(read('optimizer', { ...optimizer, [key]: 0 }, { ...optimizer, [key]: -1 }), [true, false], key);
  }
  assert.equal(read('optimizer', { ...optimizer, lossScale: 1e-9 }, { ...optimizer, lossScale: 0 }), [true, false]);
});

test('a state names files of its own folder, with their sizes and checksums', () => {
  const named = (name: string, own: object = seal) => isRead(({ files }) => (files[name] = own));
  assert.equal(['a.json', '.hidden', 'a..b'].map((name) => named(name)), [true, true, true]);
  assert.equal(['../a', '..', 'a/b', 'a\\b', 'a\0b', ''].map((name) => named(name)), [false, false, false, false, false,
    false]);
  assert.equal([named('a', { ...seal, bytes: 0 }), named('a', { ...seal, bytes: -1 }),
    named('a', { ...seal, sha256: seal.sha256.slice(1) }), named('a', { ...seal, sha256: seal.sha256.toUpperCase() })],
    [true, false, false, false]);
});

test.run();
