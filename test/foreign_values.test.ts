/** Files of the right form whose values cannot be meant: sizes without measure, statistics that make NaN. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { CheckpointFormatError, ConfigError, FirstlightError } from '../engine/errors.ts';
import { bytesInMemory } from '../model/checkpoint/bytes.ts';
import { openCheckpoint } from '../model/checkpoint/folder.node.ts';
import { configFromHuggingFace, configToHuggingFace } from '../model/checkpoint/huggingface.ts';
import { preprocessorFromHuggingFace } from '../model/checkpoint/preprocessor.ts';
import { encodeSafetensors, openSafetensors } from '../model/checkpoint/safetensors.ts';
import { readFinite } from '../model/checkpoint/loading.ts';
import { requireHeld, Weights } from '../model/checkpoint/weights.ts';
import { type ModelConfig, type NetworkConfig, networkFor, type NetworkName, PRESETS,
  validateConfig } from '../model/systems/config.ts';
import { ClipTokenizer } from '../model/tokenizer.ts';
import { clipTokenizer } from '../model/tokenizer.node.ts';
import { decodeState, encodeState, type StateFile } from '../train/checkpoint/state_file.ts';
import { CheckpointStore } from '../train/checkpoint/store.ts';
import { exitCodeOf } from '../train/cli/failure.ts';
import { videosIn } from '../train/features/clips.ts';
import { readRunLog } from '../train/log/run_log.ts';
import { snapshotAt } from './checkpoint_sample.ts';

const root = mkdtempSync(join(tmpdir(), 'firstlight-values-'));
test.after(() => rmSync(root, { recursive: true, force: true }));

/** The bytes of a file with these tensors. */
async function bytesOf(tensors: Readonly<Record<string, Float32Array>>): Promise<Buffer> {
  const pieces = encodeSafetensors(Object.entries(tensors).map(([name, { length }]) => ({ name, shape: [length] })),
    (name) => tensors[name]);
  const bytes: Uint8Array[] = [];
  for await (const piece of pieces) bytes.push(piece);
  return Buffer.concat(bytes);
}

const { tiny } = PRESETS;

for (const [what, config] of [
  ['100,000 layers', { ...tiny, vision: { ...tiny.vision, layers: 100_000 } }],
  ['a vocabulary of 2^40', { ...tiny, text: { ...tiny.text, vocab: 2 ** 40 } }],
  ['pictures of 2^20', { ...tiny, vision: { ...tiny.vision, imageSize: 2 ** 20 } }],
  ['a million frames', { ...tiny, frames: 1e6 }],
  ['2^20 numbers in a row', { ...tiny, embedDim: 2 ** 20 }],
  ['texts of 2^30 tokens', { ...tiny, text: { ...tiny.text, context: 2 ** 30 } }],
] as const) {
  test(`a configuration that states ${what} is refused before anything is built`, () => {
    assert.throwsWith(() => validateConfig(config, 'c'), ConfigError, /is \d+, at most \d+ is read/);
    assert.throwsWith(() => configFromHuggingFace(configToHuggingFace(config), 'c'), ConfigError,
      /is \d+, at most \d+ is read/);
  });
}

test('windows and stages of a network are read up to what is stated, and not one more', () => {
  const clips = { frames: 8, imageSize: 32, classes: ['a'] };
  const problemsOf = (system: NetworkName, sizes: object) => {
    const config = networkFor(system, 'tiny', clips);
    const changed = { ...config, network: { ...config.network, ...sizes } } as NetworkConfig;
    try {
      return configFromHuggingFace(configToHuggingFace(changed), 'c') === undefined ? '' : 'taken';
    } catch (error) {
      assert.instance(error, ConfigError);
      return (error as Error).message;
    }
  };
  const ones = (count: number) => Array<number>(count).fill(1);
  assert.is(problemsOf('video-swin', { window: [32, 16, 16] }), 'taken');
  assert.is(problemsOf('video-swin', { window: [1024, 1024, 1024] }),
    'c: window of 1024 x 1024 x 1024 has 1073741824 tokens, at most 8192 are read');
  assert.is(problemsOf('video-swin', { window: [33, 16, 16] }),
    'c: window of 33 x 16 x 16 has 8448 tokens, at most 8192 are read');
  assert.is(problemsOf('coswin', { window: 90 }), 'taken');
  assert.is(problemsOf('coswin', { window: 91 }), 'c: window of 91 x 91 has 8281 tokens, at most 8192 are read');
  assert.is(problemsOf('tsm', { blocks: ones(16) }), 'taken');
  assert.is(problemsOf('tsm', { blocks: ones(17) }), 'c: blocks has 17 numbers, at most 16 are read');
  assert.match(problemsOf('video-swin', { depths: ones(1e5), heads: ones(1e5) }),
    'c: depths has 100000 numbers, at most 16 are read');
});

test('a size is read up to what is stated, and not one more', () => {
  const within: Readonly<Record<string, (size: number) => ModelConfig>> = {
    embedDim: (embedDim) => ({ ...tiny, embedDim }),
    frames: (frames) => ({ ...tiny, frames }),
    layers: (layers) => ({ ...tiny, mit: { ...tiny.mit, layers } }),
    mlp: (mlp) => ({ ...tiny, mit: { ...tiny.mit, mlp } }),
    context: (context) => ({ ...tiny, text: { ...tiny.text, context } }),
    vocab: (vocab) => ({ ...tiny, text: { ...tiny.text, vocab } }),
    imageSize: (imageSize) => ({ ...tiny, vision: { ...tiny.vision, imageSize } }),
  };
  const most = { embedDim: 16_384, frames: 1024, layers: 256, mlp: 65_536, context: 16_384, vocab: 262_144,
    imageSize: 4096 };
  for (const [key, size] of Object.entries(most)) {
    const { message } = assert.throwsWith(() => validateConfig(within[key](size + 1), 'c'), ConfigError);
    assert.match(message, `is ${size + 1}, at most ${size} is read`, key);
    try {
      validateConfig(within[key](size), 'c');
    } catch (error) {
      assert.not.match((error as Error).message, 'at most', key); // others may not fit it
    }
  }
});

test('every model that is published is within what is read', () => {
  for (const [name, config] of Object.entries(PRESETS)) assert.is(validateConfig(config, name), config);
});

test('a configuration that states far more than the files hold is refused before a model is built', async () => {
  const folder = join(root, 'small');
  mkdirSync(folder);
  writeFileSync(join(folder, 'model.safetensors'), await bytesOf({ 'vision_model.x': new Float32Array(1000) }));
  writeFileSync(join(folder, 'config.json'), JSON.stringify(configToHuggingFace(PRESETS['L/14'])));
  const { config, weights, close } = await openCheckpoint(folder);
  await close();
  assert.throwsWith(() => requireHeld(config, weights), ConfigError,
    /small: the configuration states more than 4[\d,]{10} parameters, the files hold 1,000 numbers$/);
  // what is computed of places, and so is in no file, counts as well
  const clips = { frames: 1024, imageSize: 4096, classes: ['a'] };
  assert.throwsWith(() => requireHeld(networkFor('videomae', 'tiny', clips), weights), ConfigError,
    /small: the configuration states more than 8,590,082,048 parameters/);
});

test('vocabularies, merges and added tokens beyond measure are refused with their number', () => {
  const ends = { '<|startoftext|>': 0, '<|endoftext|>': 1 };
  const json = (more: object, added: readonly object[] = []) =>
    JSON.stringify({ model: { type: 'BPE', end_of_word_suffix: '</w>', merges: [], vocab: ends, ...more },
      added_tokens: added });
  const read = (text: string) => () => ClipTokenizer.fromJson(text, undefined, 'x');
  const vocab = Array.from({ length: 2 ** 18 + 1 }, (_, i) => `"${i}":${i}`).join(',');
  assert.throwsWith(() => ClipTokenizer.fromVocabulary(`{${vocab}}`, '', undefined, 'x'), FirstlightError,
    'x: has 262,145 tokens, at most 262,144 are read');
  assert.throwsWith(read(json({ merges: Array(2 ** 18 + 1).fill('a b') })), FirstlightError, /262,145 merges, at most/);
  // as many as are read, which is five times what CLIP has
  const whole = Object.fromEntries(
    Array.from({ length: 2 ** 18 },
      (_, i) => [i === 0 ? '<|startoftext|>' : i === 2 ** 18 - 1 ? '<|endoftext|>' : `${i}`, i]),
  );
  assert.is(read(json({ vocab: whole, merges: Array(2 ** 18).fill('1 2') }))().vocabSize, 2 ** 18);
  const added = Array.from({ length: 10_001 }, (_, i) => ({ content: `a${i}`, id: i + 2 }));
  assert.is(read(json({}, added.slice(0, 10_000)))().vocabSize, 10_002);
  assert.throwsWith(read(json({}, added)), FirstlightError, /x: has 10,001 added tokens, at most 10,000 are read/);
});

test('a list of merges that is no archive, or unpacks without end, is refused by name', async () => {
  const file = join(root, 'bpe_simple_vocab_16e6.txt.gz');
  for (const bytes of [Buffer.from('no archive'), gzipSync(Buffer.alloc(2 ** 24 + 1)),
    gzipSync('abc').subarray(0, 15)]) {
    writeFileSync(file, bytes);
    await assert.rejectsWith(clipTokenizer(root), FirstlightError, /txt\.gz: cannot be unpacked: /, {
      code: 'FL_TOKENIZER',
    });
  }
});

const WHOLE = { image_processor_type: 'CLIPImageProcessor', size: 224, crop_size: 224 };

for (const [what, json] of [
  ['a deviation that f32 makes 0', { image_std: [0.5, 1e-50, 0.5] }],
  ['a deviation so small that a pixel is more than f16 holds', { image_std: 1e-6 }],
  ['a mean that f32 makes infinite', { image_mean: [0, 1e39, 0] }],
  ['a factor that makes the mean infinite', { rescale_factor: 1e-300 }],
  ['a factor that makes the deviation 0', { rescale_factor: 1e300 }],
] as const) {
  test(`a preprocessor with ${what} is refused`, () => {
    assert.throwsWith(() => preprocessorFromHuggingFace({ ...WHOLE, ...json }, 224, 'p.json'), ConfigError,
      /^p\.json: rescale_factor, image_mean and image_std make numbers of a pixel that no model is meant to be given/);
  });
}

test('statistics and sizes of a preprocessor are taken to their limits, and refused beyond', () => {
  const of = (json: object) => preprocessorFromHuggingFace({ ...WHOLE, ...json }, 224, 'p.json');
  // white is (255 − mean) / std: 65504 is the most that f16 holds
  const least = 1 / 65504;
  assert.ok(of({ image_mean: 0, image_std: 1.0001 * least }).std[0] > 0);
  assert.throwsWith(() => of({ image_mean: 0, image_std: 0.9999 * least }), ConfigError,
    /no model is meant to be given/);
  // black is −mean / std, which is as far where the mean is 1
  assert.throwsWith(() => of({ image_mean: 1, image_std: 0.9999 * least }), ConfigError,
    /no model is meant to be given/);
  for (const std of [0, -0.5]) {
    assert.throwsWith(() => of({ image_std: std }), ConfigError, /image_std must be positive/);
  }
  assert.is(of({ size: 224 }).resize !== null, true, 'as large as what is cut out of it');
  assert.throwsWith(() => of({ size: 223 }), ConfigError, /size is 223, the model takes pictures of 224/);
});

test('a side of 2^40 pixels is refused, one of 16,384 is not', () => {
  const of = (size: unknown) => () => preprocessorFromHuggingFace({ ...WHOLE, size }, 224, 'p.json');
  for (const size of [2 ** 40, [2 ** 40, 224], { shortest_edge: 2 ** 15 }]) {
    assert.throwsWith(of(size), ConfigError, /size must be shortest_edge, .* in whole pixels up to 16384, got/);
  }
  assert.equal(of(16384)().resize, { resampling: 'antialiased_bicubic', shortSide: 16384 });
});

test('a weight that is not finite is a fault of the checkpoint, and ends with its exit status', async () => {
  for (const wrong of [Number.NaN, Number.POSITIVE_INFINITY]) {
    const file = await openSafetensors(bytesInMemory('w', await bytesOf({ bias: Float32Array.of(1, wrong) })));
    const error = await assert.rejectsWith(readFinite(new Weights('w', [file]), 'bias', [2]), CheckpointFormatError,
      `w: tensor "bias": holds ${wrong} at place 1`);
    assert.is(exitCodeOf(error), 5);
    assert.is(error.hint, undefined);
  }
});

const { state } = snapshotAt(4);
const SEAL = { bytes: 3, sha256: '0'.repeat(64) };

for (const [what, wrong] of [
  ['a negative step', { step: -4 }],
  ['half a step', { step: 4.5 }],
  ['a negative number of skipped steps', { optimizer: { ...state.optimizer, skipped: -1 } }],
  ['a loss scale of 0', { optimizer: { ...state.optimizer, lossScale: 0 } }],
  ['less than no time', { elapsedSeconds: -1 }],
  ['a share of 1.5', { validations: [{ step: 1, top1: 1.5, top5: 1, loss: 1 }] }],
] as const) {
  test(`a run’s state with ${what} is refused, however rightly it is sealed`, () => {
    const file = { state: { ...state, ...wrong }, files: { 'model.safetensors': SEAL } } as StateFile;
    assert.throwsWith(() => decodeState('state.json', encodeState(file)), CheckpointFormatError,
      /^state\.json: holds no state of a run: state\./);
  });
}

test('a checkpoint that seals no weights, or is another step’s, is passed over for the one before it', async () => {
  const folder = join(root, 'run');
  const store = await CheckpointStore.open(folder);
  await store.save(snapshotAt(1));
  const path = await store.save(snapshotAt(2));
  const whole = decodeState('state.json', readFileSync(join(path, 'state.json')));
  for (const [file, reason] of [
    [{ ...whole, files: {} }, 'seals no weights'],
    [{ ...whole, files: { 'model.safetensors': whole.files['model.safetensors'] } }, 'seals no config.json'],
    [{ ...whole, state: { ...whole.state, step: 9 } }, 'is that of step 9'],
  ] as const) {
    writeFileSync(join(path, 'state.json'), encodeState(file));
    assert.is((await store.latest())?.state.step, 1);
    assert.equal(store.damaged, [{ path, reason: `state.json ${reason}` }]);
  }
  await store.close();
});

test('a line of a log without a step, or with half a one, is no entry', () => {
  const file = join(root, 'log.jsonl');
  for (const line of ['{"stage":"a","time":"t","loss":1}', '{"stage":"a","step":1.5,"time":"t"}',
    '{"stage":"a","step":-1,"time":"t"}', '{"stage":"a","step":1,"time":"t","loss":"high"}', '[]', 'null']) {
    writeFileSync(file, `{"stage":"a","step":1,"time":"t","loss":"NaN"}\n${line}\n`);
    assert.throwsWith(() => readRunLog(file), FirstlightError, /log\.jsonl:2: not an entry of a run's log/);
  }
});

test('a folder that is called like a clip is looked into, and is no clip itself', () => {
  const folder = join(root, 'clips');
  mkdirSync(join(folder, 'folder.mp4', 'deeper.mkv'), { recursive: true });
  for (const name of ['a.mp4', 'folder.mp4/b.webm', 'notes.txt']) writeFileSync(join(folder, name), '');
  assert.equal(videosIn(folder), ['a.mp4', 'folder.mp4/b.webm'].map((name) => join(folder, name)));
  assert.equal(videosIn(join(folder, 'absent.mp4')), [join(folder, 'absent.mp4')]);
});

test.run();
