/**
 * Checkpoint folders and files of a small model: what is written comes back, and what does not fit is refused by name.
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { ConfigError, FirstlightError, open, PathError, StateDictError } from '../engine/index.ts';
import { saveCheckpoint, saveOfficial } from '../model/checkpoint/folder.node.ts';
import { ORIGINS } from '../model/checkpoint/names/index.ts';
import { officialPreprocessor } from '../model/checkpoint/preprocessor.ts';
import { encodeSafetensors } from '../model/checkpoint/safetensors.ts';
import { loadWeights } from '../model/checkpoint/loading.ts';
import { architectureOf, towersOf } from '../model/systems/config.ts';
import { initialise } from '../model/parts/init.ts';
import { clipTokenizer } from '../model/tokenizer.node.ts';
import { Xclip } from '../model/systems/xclip.ts';
import { opened, SMALL as CONFIG } from './checkpoint_sample.ts';

const root = mkdtempSync(join(tmpdir(), 'firstlight-folder-'));
test.after(() => rmSync(root, { recursive: true, force: true }));
const gpu = await open();
test.after(() => gpu.close());

const TEXTS = ['a red square moving left', 'a blue star'];
const { tokenizer } = (await clipTokenizer()).compact(TEXTS);

const model = new Xclip(gpu, CONFIG);
initialise(model, 5);
const parameters = [...model.parameters()];

let folders = 0;
const fresh = () => join(root, String(folders++));

/** A folder with the model in it. */
async function saved(options: { shardBytes?: number } = {}): Promise<string> {
  const folder = fresh();
  await saveCheckpoint(folder, { config: CONFIG, parameters }, options);
  return folder;
}

/** That a new model, filled from a checkpoint, has the saved weights bit for bit. */
async function assertSame(path: string): Promise<void> {
  await opened(path, async ({ config, weights }) => {
    using other = new Xclip(gpu, architectureOf(towersOf(config, 'config.json')));
    await loadWeights(other, weights);
    for (const [i, [name, tensor]] of [...other.parameters()].entries()) {
      assert.is(name, parameters[i][0]);
      const [got, want] = [await tensor.read(), await parameters[i][1].read()];
      assert.equal(new Uint32Array(got.buffer), new Uint32Array(want.buffer), name);
    }
  });
}

/** The error of opening a checkpoint and loading all of it. */
async function refusal(path: string): Promise<FirstlightError> {
  return assert.rejectsWith(
    opened(path, async ({ config, weights }) => {
      using other = new Xclip(gpu, architectureOf(towersOf(config, 'config.json')));
      await loadWeights(other, weights);
    }),
    FirstlightError,
  );
}

const jsonOf = (path: string) => JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;

function edit(path: string, change: (json: Record<string, Record<string, unknown>>) => void): void {
  const json = jsonOf(path) as Record<string, Record<string, unknown>>;
  change(json);
  writeFileSync(path, JSON.stringify(json));
}

test('a folder comes back with its configuration, its weights bit for bit, and Hugging Face names', async () => {
  const folder = await saved();
  assert.equal(readdirSync(folder).sort(), ['config.json', 'model.safetensors', 'preprocessor_config.json']);
  await opened(folder, ({ config, weights, tokenizer: none, preprocessor }) => {
    assert.equal(config, CONFIG);
    assert.is(weights.origin, 'hf');
    assert.equal(weights.names().sort(),
      parameters.flatMap(([name, { shape }]) => ORIGINS.hf.storedAs(name, shape).parts).sort());
    assert.is(none, undefined);
    assert.equal(preprocessor, officialPreprocessor(8));
  });
  await assertSame(folder);
});

test('a folder in shards has an index that lists every tensor once, and comes back bit for bit', async () => {
  const folder = await saved({ shardBytes: 20_000 });
  const { metadata, weight_map: map } = jsonOf(join(folder, 'model.safetensors.index.json')) as {
    metadata: { total_size: number };
    weight_map: Record<string, string>;
  };
  const shards = new Set(Object.values(map));
  assert.ok(shards.size > 2);
  assert.equal([...shards].sort(), readdirSync(folder).filter((name) => name.endsWith('.safetensors')).sort());
  assert.is(metadata.total_size, parameters.reduce((sum, [, { bytes }]) => sum + bytes, 0));
  assert.not.ok(existsSync(join(folder, 'model.safetensors')));
  await assertSame(folder);
});

test('saving again in another way leaves nothing of the old one', async () => {
  const folder = await saved({ shardBytes: 20_000 });
  await saveCheckpoint(folder, { config: CONFIG, parameters });
  assert.equal(readdirSync(folder).sort(), ['config.json', 'model.safetensors', 'preprocessor_config.json']);
  await assertSame(folder);
  await saveCheckpoint(folder, { config: CONFIG, parameters }, { shardBytes: 60_000 });
  assert.not.ok(existsSync(join(folder, 'model.safetensors')));
  await assertSame(folder);
});

test('one file in the official names carries its configuration and comes back bit for bit', async () => {
  const path = join(fresh(), 'xclip.safetensors');
  await saveOfficial(path, { config: CONFIG, parameters });
  await opened(path, ({ config, weights }) => {
    assert.equal(config, CONFIG);
    assert.is(weights.origin, 'official');
    assert.equal(weights.names().sort(), parameters.map(([name]) => name).sort());
  });
  await assertSame(path);
});

test('one file in the official names without a configuration tells it by its shapes, with heads of 64', async () => {
  const folder = fresh();
  mkdirSync(folder);
  const path = join(folder, 'bare.safetensors');
  const values = new Map(
    await Promise.all(parameters.map(async ([name, tensor]) => [name, await tensor.read()] as const)),
  );
  await writeFile(path,
    encodeSafetensors(parameters.map(([name, { shape }]) => ({ name, shape })),
      (name) => values.get(name) as Float32Array));
  const heads = 1;
  await opened(path, ({ config }) =>
    assert.equal(config, {
      ...CONFIG,
      vision: { ...CONFIG.vision, heads },
      text: { ...CONFIG.text, heads },
      mit: { ...CONFIG.mit, heads },
      prompts: { ...CONFIG.prompts, heads, alpha: 0.1 },
    }));
  await assertSame(path);
});

test('a logit scale stored as [1] is the number that it holds', async () => {
  const folder = await saved();
  const file = join(folder, 'model.safetensors');
  const bytes = readFileSync(file);
  const header = JSON.parse(bytes.subarray(8, 8 + Number(bytes.readBigUInt64LE())).toString());
  assert.equal(header.logit_scale.shape, []);
  header.logit_scale.shape = [1];
  const [text, start] = [JSON.stringify(header), 8 + Number(bytes.readBigUInt64LE())];
  const padded = text.padEnd(Math.ceil(text.length / 8) * 8);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));
  writeFileSync(file, Buffer.concat([length, Buffer.from(padded), bytes.subarray(start)]));
  await assertSame(folder);
});

test('tokenizer and preprocessor come back', async () => {
  const folder = fresh();
  const preprocessor = { resize: { shortSide: 11, resampling: 'bilinear' }, mean: [1, 2, 3],
    std: [4, 5, 6.5] } as const;
  await saveCheckpoint(folder, { config: CONFIG, parameters, tokenizer, preprocessor });
  await opened(folder, (checkpoint) => {
    for (const text of TEXTS) assert.equal(checkpoint.tokenizer?.encode(text), tokenizer.encode(text));
    assert.equal(checkpoint.preprocessor.resize, preprocessor.resize);
    for (const key of ['mean', 'std'] as const) {
      checkpoint.preprocessor[key].forEach((value, i) =>
        assert.ok(Math.abs(value - preprocessor[key][i]) < 1e-12, `${key} ${value}`)
      );
    }
  });
});

test('a tokenizer with more tokens than the model is refused', async () => {
  const folder = fresh();
  const vocab = tokenizer.vocabSize - 1;
  using small = new Xclip(gpu, { ...CONFIG, text: { ...CONFIG.text, vocab } });
  await saveCheckpoint(folder, { config: small.config, parameters: small.parameters(), tokenizer });
  const error = await refusal(folder);
  assert.instance(error, ConfigError);
  assert.match(error.message, `${folder}: its tokenizer has ${vocab + 1} tokens, the text tower knows ${vocab}`);
});

test('an index that names a file outside of the folder is refused', async () => {
  for (const name of ['../model.safetensors', '/etc/model.safetensors', 'a\\b.safetensors', 'model.bin']) {
    const folder = await saved({ shardBytes: 60_000 });
    edit(join(folder, 'model.safetensors.index.json'), ({ weight_map: map }) => (map.logit_scale = name));
    const error = await refusal(folder);
    assert.instance(error, PathError);
    assert.ok(error.message.startsWith(`${name}: ${join(folder, 'model.safetensors.index.json')} must name`),
      error.message);
  }
});

test('an index that does not fit its shards is refused with the tensor', async () => {
  const folder = await saved({ shardBytes: 60_000 });
  const index = join(folder, 'model.safetensors.index.json');
  const first = 'model-00001-of-';
  const text = readFileSync(index, 'utf8');
  edit(index, ({ weight_map: map }) => delete map.logit_scale);
  assert.match((await refusal(folder)).message,
    /tensor "logit_scale": model\.safetensors\.index\.json does not list it for this file/);
  writeFileSync(index, text);
  edit(index, ({ weight_map: map }) => (map.more = Object.values(map).find((name) => String(name).startsWith(first))));
  assert.match((await refusal(folder)).message,
    /model-00001-of-.*: tensor "more": model\.safetensors\.index\.json looks for it here, it is not/);
  for (const [broken, message] of [['{}', 'weight_map must be an object'], ['{"weight_map": {}}',
    'weight_map lists no tensor'], ['{"weight_map": {"a": 1}}', 'must map tensor names to file names'], ['{',
    'not valid JSON']] as const) {
    writeFileSync(index, broken);
    assert.match((await refusal(folder)).message, message);
  }
});

test('a shard that is missing, and one that is cut short, are named', async () => {
  const folder = await saved({ shardBytes: 60_000 });
  const shard = readdirSync(folder).find((name) => name.startsWith('model-00002-of-')) as string;
  const bytes = readFileSync(join(folder, shard));
  writeFileSync(join(folder, shard), bytes.subarray(0, bytes.length - 1));
  assert.match((await refusal(folder)).message,
    `${join(folder, shard)}: the tensors end at byte ${bytes.length}, the file at ${bytes.length - 1}`);
  rmSync(join(folder, shard));
  assert.is((await refusal(folder)).message, `${join(folder, shard)}: no such file or folder`);
});

test('a configuration that does not fit the weights is refused with every tensor and both shapes', async () => {
  const folder = await saved();
  edit(join(folder, 'config.json'), (json) => {
    json.vision_config.num_hidden_layers = 3;
    json.text_config.vocab_size = 121;
  });
  const error = await refusal(folder);
  assert.instance(error, StateDictError);
  assert.match(error.message, `${folder} does not fit the model`);
  assert.match(error.message, 'vision_model.encoder.layers.2.self_attn.q_proj.weight [32,32]');
  assert.match(error.message, 'text_model.embeddings.token_embedding.weight is [120,16], the model needs [121,16]');
});

test('a tensor under a name that is nearly right is reported with both names', async () => {
  const folder = await saved();
  const path = join(folder, 'model.safetensors');
  writeFileSync(path,
    readFileSync(path).toString('latin1').replace('"mit.position_embedding"', '"mit.position_embeddimg"'), 'latin1');
  const { message } = await refusal(folder);
  assert.match(message, 'mit.position_embedding [1,3,24] (did you mean mit.position_embeddimg?)');
  assert.match(message, 'Unexpected (1): mit.position_embeddimg [1,3,24]');
});

test('a weight that is not finite is refused by name', async () => {
  for (const value of [Number.NaN, Number.NEGATIVE_INFINITY]) {
    const folder = fresh();
    const broken = parameters.map(([name, tensor]) =>
      [name, {
        shape: tensor.shape,
        read: async () => {
          const values = await tensor.read();
          if (name === 'visual.ln_post.bias') values[31] = value;
          return values;
        },
      }] as const
    );
    await saveCheckpoint(folder, { config: CONFIG, parameters: broken });
    const error = await refusal(folder);
    assert.is(error.code, 'FL_CHECKPOINT_FORMAT');
    assert.is(error.message, `${folder}: tensor "visual.ln_post.bias": holds ${value} at place 31`);
  }
});

test('what is not there, or holds no weights, or lacks its configuration, is told', async () => {
  assert.is((await refusal(join(root, 'nowhere'))).message, `${join(root, 'nowhere')}: no such file or folder`);
  const empty = fresh();
  mkdirSync(empty);
  assert.is((await refusal(empty)).message,
    `${empty}: holds none of model.safetensors, model.safetensors.index.json, pytorch_model.bin, pytorch_model.bin.index.json`);
  const folder = await saved();
  rmSync(join(folder, 'config.json'));
  const error = await refusal(folder);
  assert.is(error.message, `${join(folder, 'config.json')}: no such file`);
  assert.match(error.hint ?? '', 'needs its config.json');
});

test('heads of integration and prompts that the official code does not have are told, with the key to set', async () => {
  const folder = fresh();
  const wide = { ...CONFIG, embedDim: 192, mit: { ...CONFIG.mit, heads: 3 }, prompts: { ...CONFIG.prompts, heads: 3 } };
  using other = new Xclip(gpu, wide);
  await saveCheckpoint(folder, { config: wide, parameters: [...other.parameters()] });
  const path = join(folder, 'config.json');
  const { system, ...json } = JSON.parse(readFileSync(path, 'utf8')) as Record<string, Record<string, unknown>>;
  const write = (more: object, mit: object) =>
    writeFileSync(path, JSON.stringify({ ...json, ...more, vision_config: { ...json.vision_config, ...mit } }));
  const told = () => opened(folder, ({ warnings }) => warnings);
  write({}, {});
  assert.equal(await told(), []);
  write({ prompt_num_attention_heads: undefined }, { mit_num_attention_heads: 2 });
  assert.equal(await told(), [
    `${path}: vision_config.mit_num_attention_heads is 2; weights of a width of 192 that the official code trained have `
    + '3 heads, and are another function with 2: set vision_config.mit_num_attention_heads to 3, unless transformers '
    + 'trained them',
    `${path}: config.prompt_num_attention_heads is left out, which means 8; weights of a width of 192 that the official `
    + 'code trained have 3 heads, and are another function with 8: set config.prompt_num_attention_heads to 3, unless '
    + 'transformers trained them',
  ]);
  write({ system, prompt_num_attention_heads: 2 }, {});
  assert.equal(await told(), [], 'one of ours says what it was trained with');
});

test.run();
