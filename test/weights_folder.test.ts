/** Folders of weights: how they are split, what an index may say, and that files are closed. Nothing needs a GPU. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { CheckpointFormatError, FirstlightError, type Shape, sizeOf } from '../engine/index.ts';
import { FileBytes } from '../model/checkpoint/bytes.node.ts';
import { folderOrigin } from '../model/checkpoint/folder_files.ts';
import { formatOf, openWeights, saveCheckpoint } from '../model/checkpoint/folder.node.ts';
import { encodeTorch } from '../model/checkpoint/pickle/write.ts';
import { encodeSafetensors } from '../model/checkpoint/safetensors.ts';
import type { Readable } from '../model/checkpoint/encoding.ts';
import { configFor, isNetworkName, networkFor, PRESETS, SYSTEM_NAMES } from '../model/systems/config.ts';

const root = mkdtempSync(join(tmpdir(), 'firstlight-weights-'));
test.after(() => rmSync(root, { recursive: true, force: true }));
let count = 0;
const fresh = () => join(root, String(count++));

const config = networkFor('tsm', 'tiny', { frames: 8, imageSize: 32, classes: ['a'] });
const floats = (shape: Shape): Readable => ({ shape, read: async () => new Float32Array(sizeOf(shape)).fill(7) });
/** 40, 40, 100, 16 and 4 bytes in a file. */
const PARAMETERS: readonly (readonly [string, Readable])[] = [['backbone.a', floats([10])], ['backbone.b',
  floats([2, 5])], ['backbone.c', floats([25])], ['backbone.n', { shape: [2], dtype: 'u32',
  read: async () => Uint32Array.of(3, 4) }], ['backbone.z', floats([])]];

async function split(shardBytes: number): Promise<{ folder: string; shards: string[]; total: unknown }> {
  const folder = fresh();
  await saveCheckpoint(folder, { config, parameters: PARAMETERS }, { shardBytes });
  const names = readdirSync(folder);
  if (names.includes('model.safetensors')) {
    assert.not.ok(names.some((name) => name.includes('index') || name.includes('-of-')));
    return { folder, shards: ['abcnz'], total: undefined };
  }
  const { metadata, weight_map: map } = JSON.parse(
    readFileSync(join(folder, 'model.safetensors.index.json'), 'utf8'),
  ) as { metadata: { total_size: number }; weight_map: Record<string, string> };
  const files = names.filter((name) => name.endsWith('.safetensors')).sort();
  assert.equal(files, files.map((_, i) => `model-0000${i + 1}-of-0000${files.length}.safetensors`));
  const listed = Object.entries(map);
  const held = (file: string) => listed.flatMap(([name, of]) => (of === file ? [name.slice(-1)] : [])).join('');
  return { folder, shards: files.map(held), total: metadata.total_size };
}

test('a folder has as few files as tensors in their order fit, and a tensor that is too large one of its own', async () => {
  for (const [bytes, shards] of [[200, ['abcnz']], [199, ['abcn', 'z']], [180, ['abc', 'nz']], [179, ['ab', 'cnz']], [
    80,
    [
      'ab',
      'c',
      'nz',
    ],
  ], [79, ['a', 'b', 'c', 'nz']], [19, ['a', 'b', 'c', 'n', 'z']], [1, ['a', 'b', 'c', 'n', 'z']]] as const) {
    const { shards: own, total } = await split(bytes);
    assert.equal(own, shards, `${bytes} bytes`);
    if (shards.length > 1) assert.is(total, 200);
  }
});

test('the files of a folder are read as one, and closed together', async () => {
  const { folder } = await split(80);
  const { weights, files, folder: own, close } = await openWeights(folder);
  assert.equal([files.length, own.path, weights.size], [3, folder, 48]);
  assert.equal(weights.names(), PARAMETERS.map(([name]) => name));
  assert.equal([...await weights.read('backbone.c', [25])], Array(25).fill(7));
  assert.equal(await weights.counts('backbone.n', [2]), Uint32Array.of(3, 4));
  await close();
  for (const name of ['backbone.a', 'backbone.c', 'backbone.z']) {
    await assert.rejectsWith(weights.read(name, weights.shape(name) as Shape), FirstlightError);
  }
  const single = await openWeights(join(folder, 'model-00001-of-00003.safetensors'));
  assert.equal([single.folder.path, single.files.length], [folder, 1]);
  await single.close();
  await assert.rejectsWith(single.weights.read('backbone.a', [10]), FirstlightError);
});

test("PyTorch's files of a folder are found where there are no others, one or several", async () => {
  const folder = fresh();
  mkdirSync(folder);
  const write = async (file: string, ...names: readonly string[]) => {
    const tensors = names.map((name) => ({ name, shape: [1] }));
    const encode = file.endsWith('.bin') ? encodeTorch : encodeSafetensors;
    const pieces: Uint8Array[] = [];
    for await (const piece of encode(tensors, () => Float32Array.of(1))) pieces.push(piece);
    writeFileSync(join(folder, file), Buffer.concat(pieces));
  };
  const index = (name: string, map: unknown) => writeFileSync(join(folder, name), JSON.stringify({ weight_map: map }));
  const names = async () => {
    const { weights, close } = await openWeights(folder);
    await close();
    return weights.names();
  };
  const refused = async () => {
    const { message, context } = await assert.rejectsWith(names(), FirstlightError);
    return [(context as { reason?: string }).reason, message.replaceAll(folder, '')].filter(Boolean).join(': ');
  };
  await write('pytorch_model.bin', 'one');
  assert.equal(await names(), ['one']);
  await write('b.bin', 'x', 'y');
  await write('a.bin', 'z');
  index('pytorch_model.bin.index.json', { x: 'b.bin', z: 'a.bin', y: 'b.bin' });
  assert.equal(await names(), ['z', 'x', 'y'], 'an index counts before a file, and files in the order of their names');
  for (const [map, reason] of [
    [{}, 'InvalidIndex: /pytorch_model.bin.index.json: weight_map lists no tensor'],
    [[], 'InvalidIndex: /pytorch_model.bin.index.json: weight_map must be an object of tensor and file names'],
    [{ x: 3 }, 'InvalidIndex: /pytorch_model.bin.index.json: weight_map must map tensor names to file names'],
    [{ x: 'b.bin' }, 'IndexMismatch: /b.bin: tensor "y": pytorch_model.bin.index.json does not list it for this file'],
    [{ x: 'b.bin', y: 'a.bin', z: 'a.bin' },
      'IndexMismatch: /a.bin: tensor "y": pytorch_model.bin.index.json looks for it here, it is not'],
  ] as const) {
    index('pytorch_model.bin.index.json', map);
    assert.is(await refused(), reason);
  }
  for (const file of ['../b.bin', 'c\\b.bin', 'b.safetensors', 'b\0.bin']) {
    index('pytorch_model.bin.index.json', { x: file });
    assert.match(await refused(), '/pytorch_model.bin.index.json must name .bin files of its own folder');
  }
  await write('model.safetensors', 'newer');
  assert.equal(await names(), ['newer'], 'safetensors come first');
});

test('the ending of a file is its format, in any case, and a folder has none', () => {
  const endings = { 'a.safetensors': 'safetensors', 'A.SafeTensors': 'safetensors', 'a.pth': 'torch', 'a.PT': 'torch',
    'a.bin': 'torch', 'a.pyth': undefined, 'a.pth.d': undefined, 'apth': undefined, 'safetensors': undefined };
  for (const [path, format] of Object.entries(endings)) assert.is(formatOf(path), format, path);
});

test('a folder is in the names of the class of transformers that reads it', () => {
  const origins: Readonly<Record<string, string>> = { 'clip-one': 'hf-clip', 'clip-mean': 'hf-clip',
    videomae: 'hf-videomae', timesformer: 'hf-timesformer', 'timesformer-joint': 'hf-timesformer-plain',
    'timesformer-space': 'hf-timesformer-plain' };
  for (const system of SYSTEM_NAMES) {
    const own = isNetworkName(system)
      ? networkFor(system, 'tiny', { frames: 8, imageSize: 32, classes: [] })
      : configFor(system, PRESETS.tiny, { classes: [] });
    assert.is(folderOrigin(own), origins[system] ?? (isNetworkName(system) ? 'mmaction' : 'hf'), system);
  }
  assert.is(folderOrigin(configFor('clip-mean', PRESETS.tiny, { prompts: true })), 'hf');
});

test('a file is read where it is asked for, into the room that is given', async () => {
  const path = fresh();
  writeFileSync(path, '0123456789');
  const file = await FileBytes.open(path);
  const room = new Uint8Array(6).fill(1);
  const read = await file.read(2, 4, room);
  assert.equal([Buffer.from(read).toString(), read.buffer === room.buffer, [...room.subarray(4)]], ['2345', true, [1,
    1]]);
  assert.equal([file.size, file.name, Buffer.from(await file.read(8, 2)).toString()], [10, path, '89']);
  const { message } = await assert.rejectsWith(file.read(8, 3), CheckpointFormatError);
  assert.is(message, `${path}: ends at byte 10, expected 11`);
  await file.close();
  await assert.rejectsWith(file.read(0, 1), FirstlightError);
});

test.run();
