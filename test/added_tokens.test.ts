/**
 * Tokens that were added behind the end of text: texts are cut at them as transformers cuts them, and a text's feature
 * is taken from where transformers takes it.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { ConfigError, dispose, FirstlightError, open, ShapeError } from '../engine/index.ts';
import { diskFolder, openCheckpoint, saveCheckpoint } from '../model/checkpoint/folder.node.ts';
import { configFromHuggingFace, configToHuggingFace } from '../model/checkpoint/huggingface.ts';
import { initialise } from '../model/parts/init.ts';
import { textBatch } from '../model/parts/text.ts';
import { ClipTokenizer } from '../model/tokenizer.ts';
import { clipTokenizer } from '../model/tokenizer.node.ts';
import { readTokenizer } from '../model/checkpoint/tokenizer_files.ts';
import { textConfigOf } from '../model/systems/config.ts';
import { Xclip } from '../model/systems/xclip.ts';
import { nullGpu } from './null_gpu.ts';

const root = mkdtempSync(join(tmpdir(), 'firstlight-added-'));
const plain = await clipTokenizer();

const token = (content: string, id: number, more: object = {}) => ({ id, content, single_word: false, lstrip: false,
  rstrip: false, normalized: true, special: false, ...more });
const ADDED = [token('snowboard', 49408), token('<scene>', 49409, { special: true, normalized: false }), token(
  'Half-Pipe',
  49410,
), token('snowb', 49411), token('snow', plain.encode('snowx')[0])];

/** The tokenizer.json of CLIP as transformers writes it after `add_tokens`. */
function jsonWith(added: readonly object[]): string {
  const json = JSON.parse(plain.files(77)['tokenizer.json']);
  return JSON.stringify({ ...json, added_tokens: [...json.added_tokens, ...added] });
}

const tokenizer = ClipTokenizer.fromJson(jsonWith(ADDED), undefined, 'tokenizer.json');

test('texts have the ids that the library of transformers gives them', () => {
  const library = new Tokenizer(JSON.parse(jsonWith(ADDED)), {});
  const texts = ['a snowboard', 'a Snowboard in the HALF-pipe', '<scene> snow<scene>snowboards', 'snow snow',
    'no such word', 'A <SCENE> of snowfall', ' <scene> '];
  for (const text of texts) {
    assert.equal(tokenizer.encode(text), [...library.encode(text, { add_special_tokens: false }).ids], text);
  }
  assert.equal(tokenizer.encode('a snowboard'), [320, 49408]);
  assert.equal(tokenizer.encode('<scene>half-pipe'), [49409, 49410]);
  assert.equal([tokenizer.end, tokenizer.vocabSize], [49407, 49412]);
});

test('a file of added tokens beside vocab.json and merges.txt counts, too', async () => {
  const folder = join(root, 'older');
  mkdirSync(folder);
  const { model } = JSON.parse(plain.files(77)['tokenizer.json']);
  writeFileSync(join(folder, 'vocab.json'), JSON.stringify(model.vocab));
  writeFileSync(join(folder, 'merges.txt'), ['#version: 0.2', ...model.merges].join('\n'));
  writeFileSync(join(folder, 'added_tokens.json'), JSON.stringify({ snowboard: 49408 }));
  assert.equal((await readTokenizer(diskFolder(folder)))?.encode('a snowboard'), [320, 49408]);
});

test('what is written is read back, whole and as a part', () => {
  const again = ClipTokenizer.fromJson(tokenizer.files(77)['tokenizer.json'], undefined, 'again');
  const texts = ['a Snowboard <scene>', 'half-pipe'];
  for (const text of texts) assert.equal(again.encode(text), tokenizer.encode(text));
  const { tokenizer: part, fullIds } = tokenizer.compact(texts);
  assert.is(part.vocabSize, fullIds.length);
  for (const text of texts) assert.equal(part.encode(text).map((id) => fullIds[id]), tokenizer.encode(text));
});

test('what cannot be cut as transformers does is refused by name', () => {
  const refused = (added: readonly object[], message: string) =>
    assert.throwsWith(() => ClipTokenizer.fromJson(jsonWith(added), undefined, 't.json'), FirstlightError, message);
  refused([token('snowb', 49408, { single_word: true })],
    't.json: the added token "snowb" has single_word: true, which is not known here');
  refused([token('snowb', 49409)], 't.json: ids must count from 0 without gaps');
});

test('a feature is taken from the first place of the end of text, or of the largest id', async () => {
  await using gpu = await open();
  const ids = Int32Array.of(0, 5, 12, 9, 9, 0, /**/ 0, 9, 5, 9, 0, 0, /**/ 0, 11, 9, 12, 11, 12);
  using legacy = textBatch(gpu, ids, 6);
  assert.equal([...(await legacy.ends.read())], [2, 1, 3]);
  using configured = textBatch(gpu, ids, 6, 9);
  assert.equal([...(await configured.ends.read())], [3, 1, 2]);
  configured.write(ids.map((id) => (id === 5 ? 9 : id)));
  assert.equal([...(await configured.ends.read())], [1, 1, 2]);
  assert.throwsWith(() => configured.write(new Int32Array(18)), 'textBatch: text 0 has no end of text, token 9');
});

const endOf = (type: string, text: object) =>
  textConfigOf(configFromHuggingFace({ model_type: type, text_config: { vocab_size: 49412, ...text } }, 'c.json'))
    ?.endOfText;

test('texts come whole, each with its end, and give back what they took', async () => {
  const gpu = await nullGpu();
  for (const [ids, length] of [[[], 3], [[1, 2, 3, 4], 3], [[1, 2], 3]] as const) {
    assert.throwsWith(() => textBatch(gpu, Int32Array.from(ids), length), ShapeError,
      `textBatch: ${ids.length} ids are not whole texts of 3`);
  }
  assert.throwsWith(() => textBatch(gpu, Int32Array.of(0, 5, 9, 0, 5, 0), 3, 9), ShapeError,
    'textBatch: text 1 has no end of text, token 9');
  const { live } = gpu.pool;
  const batch = textBatch(gpu, Int32Array.of(0, 5, 9), 3);
  assert.equal([batch.count, batch.length], [1, 3]);
  batch[dispose]();
  assert.is(gpu.pool.live, live);
});

test('the end of text is the one that transformers takes, for each kind of model', () => {
  assert.is(endOf('clip', { eos_token_id: 49407 }), 49407);
  assert.is(endOf('clip', {}), 49407, 'its default');
  assert.is(endOf('clip', { eos_token_id: 2 }), undefined, 'by mistake 2 in old files: the largest id');
  assert.is(endOf('clip', { eos_token_id: 49411 }), undefined, 'the largest id of all');
  assert.is(endOf('xclip', { eos_token_id: 49407 }), undefined, 'XCLIPModel takes the largest id always');
  assert.is(endOf('clip', { eos_token_id: 100, vocab_size: 120 }), 100);
  assert.is(endOf('clip', { vocab_size: 120 }), undefined);
  assert.throwsWith(() => endOf('clip', { eos_token_id: [1, 2] }), ConfigError,
    /text_config\.eos_token_id must be the id of one token, got \[1,2\]/);
  assert.throwsWith(() => endOf('clip', { eos_token_id: 60_000 }), ConfigError,
    /text\.endOfText \(60000\) must be one of the 49412 tokens/);
});

test('a model started from such a CLIP is saved and opened with its end of text, and no other tokenizer', async () => {
  await using gpu = await open();
  const { tokenizer: part } = tokenizer.compact(['a snowboard in the park']);
  const text = { activation: 'quick_gelu', width: 8, layers: 1, heads: 2, mlp: 8, context: 7, vocab: part.vocabSize,
    endOfText: part.end } as const;
  const config = { system: 'xclip', embedDim: 8, frames: 2, text,
    vision: { activation: 'quick_gelu', width: 8, layers: 1, heads: 2, mlp: 8, patch: 4, imageSize: 8 },
    mit: { activation: 'quick_gelu', layers: 1, heads: 2, mlp: 8 },
    prompts: { activation: 'quick_gelu', layers: 1, heads: 2, alpha: 0.2 } } as const;
  assert.ok(part.end < part.vocabSize - 1);
  assert.equal(configFromHuggingFace(configToHuggingFace(config), 'c.json'), config);
  using model = new Xclip(gpu, config);
  initialise(model, 1);
  const content = { config, parameters: [...model.parameters()] };
  const folder = join(root, 'saved');
  await saveCheckpoint(folder, { ...content, tokenizer: part });
  const checkpoint = await openCheckpoint(folder);
  await checkpoint.close();
  assert.equal(checkpoint.config, config);
  assert.equal(checkpoint.tokenizer?.encode('a snowboard'), part.encode('a snowboard'));
  await saveCheckpoint(folder, content);
  rmSync(join(folder, 'tokenizer.json'));
  await assert.rejectsWith(openCheckpoint(folder), ConfigError,
    `${folder}: the text tower ends a text at token ${part.end} (eos_token_id), its tokenizer at 49407`);
});

test.after(() => rmSync(root, { recursive: true }));
test.run();
