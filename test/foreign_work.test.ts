/**
 * Work is linear in what a file holds: by counts of what is done, or by sizes that would take minutes if each part were
 * compared with each.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { ConfigError, DatasetError, FirstlightError, StateDictError } from '../engine/errors.ts';
import { nearest } from '../engine/nearest.ts';
import type { SafetensorsFile } from '../model/checkpoint/safetensors.ts';
import { inferConfig } from '../model/checkpoint/inferred.ts';
import { checkWeights, Weights } from '../model/checkpoint/weights.ts';
import { preprocessorFromHuggingFace } from '../model/checkpoint/preprocessor.ts';
import { examine, type Signature } from '../train/data/video/container.ts';
import { crc32 } from '../engine/crc32.ts';
import { foreign } from '../train/data/sets/formats.ts';
import { parseConfig } from '../train/run/config.ts';
import { ClipTokenizer } from '../model/tokenizer.ts';
import { separateNames } from '../train/cli/names.ts';
import { readLabels } from '../train/data/sets/lists.ts';
import { sourceOf } from './container_sample.ts';

const folder = mkdtempSync(join(tmpdir(), 'firstlight-work-'));
test.after(() => rmSync(folder, { recursive: true, force: true }));

test('the nearest word is found among many, and is not looked for without end', () => {
  assert.is(nearest('trian', ['train', 'evaluate']), 'train');
  assert.is(nearest('weihgtDecay', ['weight_decay', 'eps']), 'weight_decay');
  assert.is(nearest('x', ['train']), undefined);
  assert.is(nearest('k'.repeat(1e6), ['train', 'k'.repeat(1e6)]), undefined);
  const many = Array.from({ length: 1e5 }, (_, i) => `vision_model.encoder.layers.${i}.mlp.fc1.weight`);
  assert.is(nearest('vision_model.encoder.layers.7.mlp.fc3.weight', many), many[7]);
});

test('30,000 names that no model has are refused', () => {
  const names = Array.from({ length: 3e4 }, (_, i) => `visual.transformer.resblocks.${i}.attn.in_proj_weights`);
  const file = { names: () => names, entry: () => ({ shape: [1] }) } as unknown as SafetensorsFile;
  const wanted = names.map((name) => [name.slice(0, -1), { shape: [1] }] as const);
  const error = assert.throwsWith(() => checkWeights(wanted, new Weights('x', [file])), StateDictError);
  assert.match(error.message, 'Missing (30000): visual.transformer.resblocks.0.attn.in_proj_weight [1] (did you mean');
});

test('names of 10,000 stages or layers of a network, without anything else of it, are refused', () => {
  for (const name of ['backbone.layers.N.blocks.N.attn.qkv.weight', 'backbone.layerN.0.conv1.conv.weight',
    'backbone.blocks.N.attn.q_bias', 'backbone.transformer_layers.layers.N.norms.0.weight', 'backbone.norm.N']) {
    const names = Array.from({ length: 1e4 }, (_, i) => name.replaceAll('N', String(i)));
    const file = { names: () => names, entry: () => ({ shape: [1] }), beside: [] } as unknown as SafetensorsFile;
    const { message } = assert.throwsWith(() => inferConfig(new Weights('x', [file])), StateDictError);
    assert.match(message, /^x does not fit the model\nMissing \(\d+\): backbone\./);
  }
});

test('a configuration of nothing but wrong keys is refused, the first 50 by name', () => {
  const text = Array.from({ length: 3000 }, (_, i) => `k${i}: 1`).join('\n');
  const { message } = assert.throwsWith(() => parseConfig(text, 'c.yaml'), ConfigError, /^c\.yaml: 3001 problems\n/);
  assert.match(message, '\n  line 1, column 1: k0: is not a key');
  assert.match(message, /\n {2}… and 2951 more$/);
  assert.is(message.split('\n').length, 52);
});

test('a configuration of nothing but wrong values, repeated keys or broken lines is refused', () => {
  const list = `data: {train: a, labels: b, roots: [${'1, '.repeat(1000)}1]}\nmodel: {preset: tiny}`;
  assert.throwsWith(() => parseConfig(list, 'c.yaml'), ConfigError, /^c\.yaml: 1001 problems\n/);
  assert.throwsWith(() => parseConfig('a: 1\n'.repeat(1500), 'c.yaml'), ConfigError, /map keys must be unique/);
  assert.throwsWith(() => parseConfig('a: "b\n'.repeat(1001), 'c.yaml'), ConfigError, /line \d+, column/);
  assert.throwsWith(() => parseConfig('k'.repeat(1e6), 'c.yaml'), ConfigError,
    'c.yaml: has 1,000,000 letters, at most 65,536 are read');
});

test('of very many problems of any file the first 50 are shown', () => {
  const json = Object.fromEntries(Array.from({ length: 1e5 }, (_, i) => [`k${i}`, 1]));
  const { message } = assert.throwsWith(() => preprocessorFromHuggingFace(json, 224, 'p.json'), ConfigError);
  assert.is(message.split('\n').length, 51);
  assert.match(message, /\n… and 99950 more$/);
});

test('a file of a published data set is told by lines of any length', () => {
  for (const part of ['/v_', 'a ', '1 ', ',', '_h_cm_np1', 'a.bc ']) {
    assert.is(foreign(Array<string>(100).fill(part.repeat(1e5)), 'list.txt', { format: 'list', place: 'list' }),
      undefined);
    foreign(Array<string>(100).fill(part.repeat(500 / part.length)), 'list.txt', { format: 'list', place: 'list' });
  }
});

test('names and lines without end are refused before anything is made of them', () => {
  const file = join(folder, 'labels.csv');
  for (const [name, problem] of [[`&${'amp;'.repeat(250_000)}`, '3: has 1,000,001 letters, at most 8,192 are read'], [
    'n'.repeat(2 ** 20),
    '3: has 1,048,576 letters, at most 8,192 are read',
  ], ['n'.repeat(3000), '3: the name "n+…n+" has 3,000 letters, at most 1,000 are read']] as const) {
    writeFileSync(file, `id,name\n0,a square\n${name.length > 5000 ? name : `1,"${name}"`}\n`);
    assert.throwsWith(() => readLabels(file), DatasetError, new RegExp(`labels\\.csv:${problem}$`));
  }
  assert.throwsWith(() => separateNames(`a, &${'amp;'.repeat(250_000)}`), FirstlightError, /at most 1,000 are read/);
  const json = JSON.stringify({
    model: { type: 'BPE', end_of_word_suffix: '</w>', merges: [], vocab: { '<|startoftext|>': 0, '<|endoftext|>': 1 } },
    added_tokens: [{ id: 2, content: `&${'amp;'.repeat(250_000)}` }],
  });
  assert.throwsWith(() => ClipTokenizer.fromJson(json, undefined, 'x'), FirstlightError, /of up to 500 letters/);
});

/** Calls of the system that a look at the parts of a file takes. */
function readsOf(bytes: Buffer, signature: Signature): { reads: number; fault: string | undefined } {
  let reads = 0;
  const { fault } = examine(sourceOf(bytes, () => reads++), signature);
  return { reads, fault };
}

test('small parts are read many at a time, large ones not at all', () => {
  const box = Buffer.from('0000000866726565', 'hex'); // 8 bytes, "free"
  const small = Buffer.concat(Array<Buffer>(100_000).fill(box));
  const { reads, fault } = readsOf(small, 'iso');
  assert.is(fault, undefined);
  assert.ok(reads <= 2 * small.length / 2 ** 16 + 2, `${reads} reads of ${small.length} bytes`);

  const large = Buffer.alloc(2 ** 18);
  large.writeUInt32BE(large.length);
  large.write('free', 4, 'latin1');
  let asked = 0;
  const source = sourceOf(Buffer.concat(Array<Buffer>(16).fill(large)), () => asked++);
  assert.is(examine(source, 'iso').fault, undefined);
  assert.is(asked, 16);
});

test('chunks, tags, pages and blocks of a few bytes are read many at a time, too', () => {
  const chunk = Buffer.from('4a554e4b00000000', 'hex'); // "JUNK", empty
  const riff = Buffer.alloc(12);
  riff.write('RIFF', 0, 'latin1');
  riff.writeUInt32LE(4 + 8 * 50_000, 4);
  riff.write('AVI ', 8, 'latin1');
  const gif = Buffer.concat([Buffer.from('GIF89a\0\0\0\0\0\0\0', 'latin1'), Buffer.of(0x21, 0xfe),
    Buffer.from('0161'.repeat(100_000), 'hex'), Buffer.of(0, 0x3b)]);
  const files: readonly (readonly [Signature, Buffer])[] = [
    ['riff', Buffer.concat([riff, ...Array<Buffer>(50_000).fill(chunk)])],
    ['flash', Buffer.concat([Buffer.from('464c56010500000009', 'hex'), Buffer.alloc(15 * 30_000 + 4)])],
    ['gif', gif],
  ];
  for (const [signature, bytes] of files) {
    const { reads } = readsOf(bytes, signature);
    assert.ok(reads <= 2 * bytes.length / 2 ** 16 + 3, `${signature}: ${reads} reads of ${bytes.length} bytes`);
  }
});

test('a header that is cut off is a cut, however little of it is there', () => {
  const start = Buffer.from('464c5601050000000900000000', 'hex');
  for (let length = 4; length < 9; length++) {
    assert.match(readsOf(start.subarray(0, length), 'flash').fault ?? '', /is cut off: \d bytes are missing/);
  }
});

test('checksums within checksums are taken as often as a file nests, not once for each level that it states', () => {
  // each level holds a checksum of all that is in it
  let contents = Buffer.alloc(2 ** 18, 0xec);
  contents = Buffer.concat([Buffer.from('ec', 'hex'), size(contents.length), contents]);
  for (let level = 0; level < 60; level++) {
    const checksum = Buffer.alloc(6);
    checksum.writeUInt16BE(0xbf84);
    checksum.writeUInt32LE(crc32(contents), 2);
    contents = Buffer.concat([Buffer.of(0xae), size(contents.length + 6), checksum, contents]);
  }
  const file = Buffer.concat([Buffer.from('1a45dfa380', 'hex'), Buffer.from('18538067', 'hex'), size(contents.length),
    contents]);
  assert.match(readsOf(file, 'ebml').fault ?? '', /is damaged: its parts do not fit at byte/);
});

/** A size of EBML in eight bytes. */
function size(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  bytes[0] = 1;
  return bytes;
}

test.run();
