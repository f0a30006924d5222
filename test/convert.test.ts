/** Checkpoints that people bring, in the names of each origin: opened, converted both ways, looked at, started from. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { commandLine } from './command_line.ts';
import { ConfigError, open, type Tensor } from '../engine/index.ts';
import { openCheckpoint, openWeights, saveCheckpoint, saveOfficial } from '../model/checkpoint/folder.node.ts';
import type { Origin } from '../model/checkpoint/names/index.ts';
import { encodeTorch } from '../model/checkpoint/pickle/write.ts';
import { loadWeights } from '../model/checkpoint/loading.ts';
import { planFile } from '../model/checkpoint/encoding.ts';
import { initialise } from '../model/parts/init.ts';
import { type Architecture, configFor, type ModelConfig, towersOf, type XclipConfig } from '../model/systems/config.ts';
import { createModel } from '../model/systems/index.ts';
import type { VideoModel } from '../model/systems/system.ts';
import { inspected, type Inspection, pageOf } from '../train/commands/inspect.ts';
import { recipeGroups } from '../train/recipe/optimizer/index.ts';
import { parseConfig } from '../train/run/config.ts';
import { buildSystem } from '../train/run/system.ts';

const root = mkdtempSync(join(tmpdir(), 'firstlight-convert-'));
test.after(() => rmSync(root, { recursive: true, force: true }));
const at = (...path: string[]) => join(root, ...path);
const gpu = await open();
test.after(() => gpu.close());

/** Widths of 64 for each head, which is what shapes tell of heads, and every other size another. */
const SIZES: Architecture = {
  system: 'xclip',
  embedDim: 64,
  frames: 3,
  vision: { activation: 'quick_gelu', width: 128, layers: 2, heads: 2, mlp: 48, patch: 4, imageSize: 8 },
  text: { activation: 'quick_gelu', width: 64, layers: 1, heads: 1, mlp: 40, context: 9, vocab: 49408 },
  mit: { activation: 'quick_gelu', layers: 1, heads: 1, mlp: 56 },
  prompts: { activation: 'quick_gelu', layers: 2, heads: 1, alpha: 0.1 },
};
const IMAGE_NET = { ...SIZES.vision, activation: 'gelu', eps: 1e-6, patchBias: true, lnPre: false } as const;
/** A ViT without a head: nothing of a head is in a file that a run starts from. */
const VIT: ModelConfig = { system: 'vit-mean', frames: 8, vision: IMAGE_NET, classes: [] };

function made(config: ModelConfig, seed: number): VideoModel {
  const model = createModel(gpu, config);
  initialise(model, seed);
  test.after(() => model.dispose());
  return model;
}
const xclip = made(SIZES, 5);
const clipConfig = configFor('clip-mean', SIZES);
const clip = made(clipConfig, 6);
const vit = made({ ...VIT, classes: ['only'] }, 7);

/** A file as torch writes it, in the names of an origin, without a configuration. */
async function written(name: string, model: VideoModel, origin: Origin, more: readonly string[] = []): Promise<string> {
  const { tensors, read } = planFile([...model.parameters()].filter(([each]) => !each.startsWith('head.')), origin);
  const all = [...tensors, ...more.map((each) => ({ name: each, shape: [2] }))];
  const pieces: Uint8Array[] = [];
  for await (const piece of encodeTorch(all, (each) => (more.includes(each) ? new Float32Array(2) : read(each)))) {
    pieces.push(piece);
  }
  writeFileSync(at(name), Buffer.concat(pieces));
  return at(name);
}

const bits = async (tensor: { read(): Promise<Float32Array> }) => new Uint32Array((await tensor.read()).buffer);

/** That a new model, filled from a file, has the weights of another one bit for bit, head aside. */
async function assertSame(path: string, want: VideoModel): Promise<void> {
  const checkpoint = await openCheckpoint(path);
  try {
    using got = createModel(gpu, want.config);
    await loadWeights(got, checkpoint.weights, { select: (name) => !name.startsWith('head.') });
    const own = new Map(want.parameters());
    for (const [name, tensor] of got.parameters()) {
      if (!name.startsWith('head.')) assert.equal(await bits(tensor), await bits(own.get(name) as typeof tensor), name);
    }
  } finally {
    await checkpoint.close();
  }
}

async function configOf(path: string): Promise<ModelConfig> {
  const checkpoint = await openCheckpoint(path);
  await checkpoint.close();
  return checkpoint.config;
}

const done = async (...words: string[]) => {
  const { code, stdout, stderr } = await commandLine(words);
  assert.is(code, 0, stderr);
  return stdout;
};
const filesOf = (folder: string) =>
  readdirSync(folder).sort().map((name) => [name, readFileSync(join(folder, name)).toString('latin1')]);

for (const [name, model] of [['xclip', xclip], ['clip', clip]] as const) {
  test(`${name} goes from a folder to official files of both formats and back, and every file has the same bytes`, async () => {
    const of = (...path: string[]) => at(`${name}-${path.join('-')}`);
    await saveCheckpoint(of('folder'), { config: model.config, parameters: model.parameters() });
    assert.match(await done('convert', of('folder'), of('a.pth')), 'one file in official names, torch');
    await done('convert', of('a.pth'), of('b'));
    assert.equal(filesOf(of('b')), filesOf(of('folder')));
    await done('convert', of('b'), of('c.safetensors'));
    await done('convert', of('c.safetensors'), of('d.pth'));
    assert.ok(readFileSync(of('d.pth')).equals(readFileSync(of('a.pth'))));
    await done('convert', of('d.pth'), of('e.safetensors'));
    assert.ok(readFileSync(of('e.safetensors')).equals(readFileSync(of('c.safetensors'))));
    for (const path of [of('a.pth'), of('c.safetensors')]) await assertSame(path, model);
    assert.equal(await configOf(of('a.pth')), model.config);
  });
}

test("a folder of CLIP's is one that transformers reads as a CLIPModel, with its spelling", async () => {
  await saveCheckpoint(at('as-clip'), { config: clipConfig, parameters: clip.parameters() });
  const json = JSON.parse(readFileSync(at('as-clip', 'config.json'), 'utf8')) as Record<string, unknown>;
  assert.equal([json.model_type, json.architectures, json.system], ['clip', ['CLIPModel'], 'clip-mean']);
  assert.match(readFileSync(at('as-clip', 'model.safetensors'), 'latin1'), '"vision_model.pre_layrnorm.bias"');
});

test('nothing that is there is written over', async () => {
  writeFileSync(at('there.pth'), 'mine');
  const path = await written('xclip.pth', xclip, 'official');
  const { code, stderr } = await commandLine(['convert', path, at('there.pth')]);
  assert.is(code, 1);
  assert.match(stderr, `${at('there.pth')}: is there already`);
  assert.is(readFileSync(at('there.pth'), 'utf8'), 'mine');
});

test('predict takes a .pth as it takes a folder, with the same numbers', async () => {
  await saveCheckpoint(at('folder-asked'), { config: SIZES, parameters: xclip.parameters() });
  const path = await written('asked.pth', xclip, 'official');
  const video = fileURLToPath(new URL(`./fixtures/video/${
    readdirSync(new URL('./fixtures/video', import.meta.url))
      .find((name) => name.endsWith('.mp4'))
  }`, import.meta.url));
  const answer = (checkpoint: string) =>
    done('predict', video, '--labels', 'a red square, a star', '--checkpoint', checkpoint, '--json');
  assert.is(await answer(path), await answer(at('folder-asked')));
});

/** Files without a configuration, and what their names and shapes tell. */
const BARE:
  readonly (readonly [what: string, model: VideoModel, origin: Origin, more: readonly string[],
    config: ModelConfig])[] = [
    ['an official checkpoint of X-CLIP', xclip, 'official', [], SIZES],
    ["OpenAI's CLIP", clip, 'official', ['input_resolution', 'context_length'],
      configFor('clip-mean', { ...SIZES, frames: 8 })],
    ["a ViT in timm's names", vit, 'timm', ['head.weight'], VIT],
    ["a ViT in Hugging Face's names", vit, 'hf-vit', ['pooler.dense.bias'], { ...VIT,
      vision: { ...IMAGE_NET, eps: 1e-12 } }],
    ["a ViT with a head in Hugging Face's names", vit, 'hf-vit-head', ['classifier.bias'], { ...VIT,
      vision: { ...IMAGE_NET, eps: 1e-12 } }],
  ];

for (const [what, model, origin, more, config] of BARE) {
  test(`${what}, alone in a .pth, tells its configuration and has its weights bit for bit`, async () => {
    const path = await written(`${origin}-${more.length}.pth`, model, origin, more);
    assert.equal(await configOf(path), config);
    await assertSame(path, model);
    const checkpoint = await openCheckpoint(path);
    await checkpoint.close();
    assert.equal(checkpoint.weights.aside, more);
  });
}

test("a config.json of transformers' ViTModel or CLIPVisionModel is read", async () => {
  const path = await written('bin.pth', vit, 'hf-vit-head', ['classifier.bias']);
  await saveOfficial(at('folder', 'pytorch_model.bin'), { config: clipConfig, parameters: [] });
  writeFileSync(at('folder', 'pytorch_model.bin'), readFileSync(path));
  const write = (json: object) => writeFileSync(at('folder', 'config.json'), JSON.stringify(json));
  const sizes = { hidden_size: 128, intermediate_size: 48, num_hidden_layers: 2, num_attention_heads: 4, patch_size: 4,
    image_size: 8 };
  write({ model_type: 'vit', ...sizes });
  const vision = { ...IMAGE_NET, heads: 4, eps: 1e-12 };
  assert.equal(await configOf(at('folder')), { ...VIT, vision });
  write({ model_type: 'vit', ...sizes, layer_norm_eps: 1e-6, hidden_act: 'gelu_new' });
  assert.equal(await configOf(at('folder')), { ...VIT, vision: { ...vision, eps: 1e-6, activation: 'gelu_tanh' } });
  write({ model_type: 'vit', ...sizes, qkv_bias: false, hidden_act: 'relu', patch_size: '4' });
  await assert.rejectsWith(openCheckpoint(at('folder')), Error,
    /patch_size must be a number, got "4"\nhidden_act is "relu"[^]*\nqkv_bias is false/);

  const visual = [...clip.parameters()].filter(([name]) => name.startsWith('visual.'));
  for (const [projected, embedDim] of [[visual, 64], [visual.filter(([name]) => name !== 'visual.proj'),
    undefined]] as const) {
    await saveCheckpoint(at('folder'), { config: clipConfig, parameters: projected });
    write({ model_type: 'clip_vision_model', ...sizes, num_attention_heads: 2 });
    assert.equal(await configOf(at('folder')), { ...VIT, vision: SIZES.vision,
      ...(embedDim !== undefined && { embedDim }) });
  }
});

const start = (checkpoint: string, model: object = {}, data: object = {}) =>
  parseConfig(
    JSON.stringify({ model: { checkpoint, ...model }, data: { train: 'a', labels: 'b', size: 8, frames: 3, ...data } }),
    'c.yaml',
  );

test("a run starts from OpenAI's bare state dict: its towers, and new parts that the seed draws", async () => {
  const path = await written('openai.pt', clip, 'official', ['vocab_size']);
  const { model } = await buildSystem(gpu, start(path), []);
  using built = model;
  const own = new Map(clip.parameters());
  let drawn = 0;
  for (const [name, tensor] of built.parameters()) {
    const given = own.get(name);
    if (given === undefined) drawn++;
    else assert.equal(await bits(tensor), await bits(given), name);
  }
  assert.is(drawn, [...xclip.parameters()].length - own.size);
});

test('a run starts from an ImageNet ViT, whose projection is drawn, and is told where it wants texts', async () => {
  const path = await written('imagenet.pth', vit, 'timm', ['head.bias']);
  const { model } = await buildSystem(gpu, start(path, { system: 'vit' }), ['a', 'b']);
  using built = model;
  assert.equal(towersOf(built.config, path).vision, IMAGE_NET);
  const own = new Map(vit.parameters());
  for (const [name, tensor] of built.parameters()) {
    const given = name.startsWith('head.') ? undefined : own.get(name);
    if (given !== undefined) assert.equal(await bits(tensor), await bits(given), name);
  }
  const projection = new Map(built.parameters()).get('visual.proj');
  assert.ok(projection !== undefined && (await projection.read()).some((value) => value !== 0));
  const error = await assert.rejectsWith(buildSystem(gpu, start(path), []), ConfigError,
    /model\.checkpoint: .*imagenet\.pth has no text tower, and xclip compares videos with texts/);
  assert.match(error.hint ?? '', `--set model.vision=${path} --set model.checkpoint=`);
  await assert.rejectsWith(buildSystem(gpu, start(path, { vision: path }), []), ConfigError, /has no text tower/);
});

test('X-CLIP starts from the pictures of an ImageNet ViT and the texts of a CLIP, and draws the rest', async () => {
  const [pictures, texts] = [await written('pictures.pth', vit, 'timm', ['head.bias']),
    await written('texts.pth', clip, 'official')];
  const { model } = await buildSystem(gpu, start(texts, { vision: pictures }), []);
  using built = model;
  const { vision, mit, prompts, embedDim } = built.config as XclipConfig;
  assert.equal([vision, embedDim], [IMAGE_NET, SIZES.embedDim]);
  assert.equal([mit?.activation, mit?.eps, prompts?.activation, prompts?.eps], ['gelu', 1e-6, 'gelu', undefined]);
  const [ofPictures, ofTexts] = [new Map(vit.parameters()), new Map(clip.parameters())];
  const drawn = new Set<string>();
  for (const [name, tensor] of built.parameters()) {
    const given = name === 'visual.proj' ? undefined : (name.startsWith('visual.') ? ofPictures : ofTexts).get(name);
    if (given !== undefined) assert.equal(await bits(tensor), await bits(given), name);
    else drawn.add(name);
  }
  const groups = recipeGroups(built, { weightDecay: 0.1, newPartsLrScale: 10 });
  for (const { lrScale, parameters } of groups) {
    for (const [name] of parameters) assert.is(lrScale, drawn.has(name) ? 10 : 1, name);
  }
  assert.ok(
    ['visual.proj', 'mit.positional_embedding', 'prompts_generator.alpha',
      'visual.transformer.resblocks.1.message_fc.weight'].every((name) => drawn.has(name)),
  );
  const bare = await written('bare.pth', xclip, 'official', ['visual.none']);
  await assert.rejectsWith(buildSystem(gpu, start(texts, { vision: bare }, { size: 12 }), []), Error,
    /data\.size: is 12, the model takes pictures of 8/);
});

test("a folder of timm's is read by its shapes, with the statistics that its configuration has", async () => {
  const path = await written('timm.pth', vit, 'timm', ['head.bias']);
  await saveOfficial(at('timm', 'pytorch_model.bin'), { config: VIT, parameters: [] });
  writeFileSync(at('timm', 'pytorch_model.bin'), readFileSync(path));
  const write = (trained: object) =>
    writeFileSync(at('timm', 'config.json'), JSON.stringify({ architecture: 'vit_base', pretrained_cfg: trained }));
  for (const [trained, mean] of [[{ mean: [0.5, 0.5, 0.25], std: [0.5, 0.5, 0.5] }, [127.5, 127.5, 63.75]], [{}, [
    123.675,
    116.28,
    103.53,
  ]]] as const) {
    write(trained);
    const checkpoint = await openCheckpoint(at('timm'));
    await checkpoint.close();
    assert.equal([checkpoint.config, checkpoint.preprocessor.mean], [VIT, mean]);
  }
  write({ mean: [0.5, 0.5] });
  await assert.rejectsWith(openCheckpoint(at('timm')), ConfigError,
    /config\.json: pretrained_cfg\.mean must be three numbers above 0, got \[0\.5,0\.5\]/);
});

test('a head is taken for the classes that it was trained on, and drawn for others', async () => {
  const config: ModelConfig = { ...VIT, classes: ['a', 'b', 'c'], embedDim: 64 };
  const trained = made(config, 11);
  await saveCheckpoint(at('headed'), { config, parameters: trained.parameters() });
  const own = new Map(trained.parameters()).get('head.weight') as Tensor;
  for (const [classes, isSame] of [[['a', 'b', 'c'], true], [['a', 'b', 'd'], false], [['a'], false]] as const) {
    const { model } = await buildSystem(gpu, start(at('headed'), { system: 'vit-mean' }), classes);
    using built = model;
    const head = new Map(built.parameters()).get('head.weight') as Tensor;
    assert.is(head.shape[0], classes.length);
    const rows = (await bits(own)).subarray(0, head.size);
    assert.is(String(await bits(head)) === String(rows), isSame, classes.join());
  }
});

test('a run takes other pictures than its checkpoint where model.interpolatePatches asks for it', async () => {
  const path = await written('larger.pth', clip, 'official');
  await assert.rejectsWith(buildSystem(gpu, start(path, {}, { size: 12 }), []), Error,
    /is 12, the model takes pictures of 8/);
  const { model } = await buildSystem(gpu, start(path, { interpolatePatches: true }, { size: 12 }), []);
  using built = model;
  assert.equal(new Map(built.parameters()).get('visual.positional_embedding')?.shape, [10, 128]);
  await assert.rejectsWith(buildSystem(gpu, start(path, { interpolatePatches: true }, { size: 10 }), []), Error,
    /is 10, the model takes pictures of whole patches of 4/);
});

async function inspection(path: string): Promise<Inspection> {
  const opened = await openWeights(path);
  return inspected(gpu, path, opened).finally(() => opened.close());
}

test('inspect lists tensors, says what a file looks like, and what X-CLIP would draw', async () => {
  const path = await written('look.pt', clip, 'official', ['input_resolution']);
  const found = JSON.parse(await done('inspect', path, '--json')) as Inspection;
  assert.is(found.tensors.length, [...clip.parameters()].length + 1);
  assert.equal(found.tensors.find(({ name }) => name === 'visual.proj'), { name: 'visual.proj', dtype: 'F32',
    shape: [128, 64] });
  assert.equal([found.formats, found.names, found.aside], [['PyTorch, zip, under model'], 'official names', [
    'input_resolution',
  ]]);
  assert.equal(found.difference, { missing: [], unexpected: [], mismatched: [] });
  assert.is(found.start?.held, [...clip.parameters()].length);
  const drawn = Object.values(found.start?.drawn ?? {}).reduce((sum, count) => sum + count, 0);
  assert.is(drawn, [...xclip.parameters()].length - [...clip.parameters()].length);
  const page = pageOf(found);
  for (const line of ['| visual.proj ', 'looks like  CLIP-Mean', 'missing     nothing', 'left aside  input_resolution',
    `for X-CLIP  ${found.start?.held} parameters are here, `]) assert.match(page, line);
});

test('inspect says all that is wrong with a file, what a ViT lacks, and what lies in a file that is no model', async () => {
  const parameters = [...xclip.parameters()].filter(([name]) => name !== 'ln_final.bias');
  parameters.push(['ln_finale.bias', new Map(xclip.parameters()).get('ln_final.bias') as Tensor]);
  await saveOfficial(at('wrong.safetensors'), { config: SIZES, parameters });
  const { difference } = await inspection(at('wrong.safetensors'));
  assert.equal(difference, { missing: ['ln_final.bias [64] (did you mean ln_finale.bias?)'],
    unexpected: ['ln_finale.bias [64]'], mismatched: [] });

  const ofImages = await inspection(await written('images.pth', vit, 'timm', ['head.bias']));
  assert.equal(ofImages.difference, { missing: [], unexpected: [], mismatched: [] });
  assert.match(ofImages.title ?? '', /^ViT-Mean width 128, 2 layers, patches of 4, /);
  assert.equal([ofImages.start?.missing, ofImages.start?.drawn.projection], [[], 1]);
  assert.match(pageOf(ofImages), 'name it in model.vision, and in model.checkpoint a CLIP, which has the texts');

  const other = await inspection(await written('other.pth', createdOfNothing(), 'official', ['a', 'b']));
  assert.equal(other.tensors.map(({ name }) => name), ['a', 'b']);
  assert.match(pageOf(other), /looks like {2}no model that is known: .*\nMissing \(\d+\): visual\.conv1\.weight/);
});

/** A model without parameters. */
const createdOfNothing = () => ({ parameters: () => [] }) as unknown as VideoModel;

test.run();
