/** Every system by the same commands: trained, gone on with, measured, asked. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { commandLine } from './command_line.ts';
import { ConfigError, open, Tensor } from '../engine/index.ts';
import { openCheckpoint, saveCheckpoint } from '../model/checkpoint/folder.node.ts';
import { configFromHuggingFace, configToHuggingFace } from '../model/checkpoint/huggingface.ts';
import { officialPreprocessor } from '../model/checkpoint/preprocessor.ts';
import { initialise } from '../model/parts/init.ts';
import { Clip } from '../model/systems/clip.ts';
import { architectureOf, configFor, type ModelConfig, ofImageNet, PRESETS, TOWER_NAMES, towersOf,
  vectorsOf } from '../model/systems/config.ts';
import { createModel } from '../model/systems/index.ts';
import { clipTokenizer } from '../model/tokenizer.node.ts';
import { writeMovingShapes } from '../train/moving_shapes/files.ts';
import { freeze, TUNE } from '../train/recipe/optimizer/index.ts';
import { parseConfig } from '../train/run/config.ts';
import { buildSystem } from '../train/run/system.ts';

const folder = mkdtempSync(join(tmpdir(), 'firstlight-systems-'));
const at = (...path: string[]) => join(folder, ...path);
const NAMES = ['up', 'down', 'away'];
let clip = '';

test.before(async () => {
  const { folder: root, lists } = await writeMovingShapes(at('data'), 5, { train: 4, testSeen: 1, testUnseen: 1,
    stills: 1 });
  const list = readFileSync(lists.train, 'utf8').replace(/ (\d+)$/gm, (_, label) => ` ${label % 3}`);
  writeFileSync(at('list.txt'), list);
  clip = join(root, list.split('\n')[0].split(' ')[0]);
  writeFileSync(at('labels.csv'), `id,name\n${NAMES.map((name, id) => `${id},${name}\n`).join('')}`);
  const { tokenizer } = (await clipTokenizer()).compact(NAMES);
  const { vision, text } = PRESETS.tiny;
  await using gpu = await open();
  const config = configFor('clip-mean', { ...PRESETS.tiny, vision: { ...vision, layers: 1 },
    text: { ...text, layers: 1, vocab: tokenizer.vocabSize } });
  using model = new Clip(gpu, config);
  initialise(model, 9);
  await saveCheckpoint(at('clip'), { config, parameters: [...model.parameters()], tokenizer,
    preprocessor: officialPreprocessor(config.vision.imageSize) });
  using pictures = createModel(gpu, { system: 'vit-mean', frames: 8, vision: ofImageNet(config.vision),
    classes: ['?'] });
  initialise(pictures, 8);
  await saveCheckpoint(at('imagenet'), { config: pictures.config, parameters: pictures.parameters(),
    preprocessor: { ...officialPreprocessor(config.vision.imageSize), mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] } });
});
test.after(() => rmSync(folder, { recursive: true, force: true }));

const settings = (model: object, data: object = {}, optim: object = {}) => ({
  model: { checkpoint: at('clip'), ...model },
  data: { train: at('list.txt'), val: at('list.txt'), labels: at('labels.csv'), root: at('data'), frames: 2, size: 32,
    workers: 0, ...data },
  train: { epochs: 2, warmupEpochs: 0, batch: 2 },
  optim,
  run: { checkpointEverySteps: 2, evaluateEveryEpochs: null },
});

/** Runs a command that must end well, and gives what it printed. */
async function done(...words: string[]): Promise<string> {
  const { code, stdout, stderr } = await commandLine(words);
  assert.is(code, 0, stderr);
  return stdout;
}

for (const [name, model, data, optim] of [
  ['clip-one', { system: 'clip-one' }, { frames: 1 }, {}],
  ['clip-joint with prompts', { system: 'clip-joint', prompts: true }, {}, {}],
  ['xclip of a ViT with learned vectors', { vision: at('imagenet'), prompts: 'learned' }, {}, {}],
  ['vit', { system: 'vit', dropout: 0.5 }, { crop: 'resized' }, { name: 'sgd', momentum: 0 }],
  ['timesformer', { system: 'timesformer', checkpoint: at('imagenet'), dropPath: 0.5, dropout: 0.5 }, {
    crop: 'rescaled',
    sampling: 'dense',
  }, { name: 'sgd', lr: 0.005, nesterov: true, groups: 'written', schedule: 'milestones', milestones: [1] }],
  ['tsm', { system: 'tsm', checkpoint: null, preset: 'tiny', dropout: 0.5 }, { crop: 'thirteen' }, { name: 'sgd',
    lr: 0.02 }],
  ['video-swin', { system: 'video-swin', checkpoint: null, preset: 'tiny', dropout: 0.5, dropPath: 0.5 }, {}, {
    schedule: 'epoch-cosine',
  }],
  ['x-florence', { system: 'x-florence', checkpoint: null, preset: 'tiny', dropPath: 0.5 }, {}, {}],
] as const) {
  test(`${name} is trained, gone on with bit for bit, measured and asked, by its checkpoint alone`, async () => {
    const [config, whole, two] = [at(`${name}.yaml`), at(name, 'whole'), at(name, 'two')];
    writeFileSync(config, JSON.stringify(settings(model, data, optim)));
    await done('train', config, '--out', whole);
    // as after a crash behind step 2
    cpSync(whole, two, { recursive: true });
    for (const later of ['checkpoint', 'result.json', join('checkpoints', 'step-00000004')]) {
      rmSync(join(two, later), { recursive: true });
    }
    await done('train', config, '--out', two, '--resume');
    for (const file of [['checkpoint', 'model.safetensors'], ['checkpoints', 'step-00000004',
      'optimizer.safetensors']]) {
      assert.ok(readFileSync(join(whole, ...file)).equals(readFileSync(join(two, ...file))), `the same bits: ${file}`);
    }
    assert.match(await done('evaluate', join(two, 'config.yaml'), '--checkpoint', two), /4 clips/);
    const texts = ['vit', 'timesformer', 'tsm', 'video-swin'].includes(name) ? [] : ['--labels', NAMES.join(', ')];
    const answer = await done('predict', clip, '--checkpoint', two, '--json', ...texts);
    const [{ predictions }] = JSON.parse(answer) as [{ predictions: { label: string }[] }];
    assert.equal(predictions.map(({ label }) => label).sort(), [...NAMES].sort());
  });
}

test('learned vectors learn through a text tower that does not', async () => {
  const [earlier, later] = await Promise.all(['step-00000002', 'step-00000004'].map(async (step) => {
    const checkpoint = await openCheckpoint(at('xclip of a ViT with learned vectors', 'whole', 'checkpoints', step));
    try {
      assert.is(vectorsOf(checkpoint.config), 16);
      assert.is(towersOf(checkpoint.config, step).vision.patchBias, true);
      assert.equal(checkpoint.preprocessor.mean, [0.5, 0.5, 0.5], 'pictures are as their tower knows them');
      return {
        vectors: await checkpoint.weights.read('prompts_learned.vectors', [16, 64]),
        projection: await checkpoint.weights.read('text_projection', [64, 64]),
      };
    } finally {
      await checkpoint.close();
    }
  }));
  assert.not.equal(earlier.vectors, later.vectors);
  assert.equal(earlier.projection, later.projection);
});

test('X-CLIP of an ImageNet ViT is none of transformers, and the same function once it was saved and read', () => {
  const { vision, ...others } = PRESETS.tiny;
  for (const system of ['xclip', 'clip-mean'] as const) {
    const config = configFor(system, architectureOf(configFor('clip-mean', { ...others, vision: ofImageNet(vision) })));
    const json = configToHuggingFace(config);
    assert.is(json.model_type, undefined);
    assert.equal(configFromHuggingFace(JSON.parse(JSON.stringify(json)), 'c.json'), config);
  }
});

test('a checkpoint of another system than the configuration has is refused, unless it is said aloud', async () => {
  const config = at('mean.yaml');
  writeFileSync(config, JSON.stringify(settings({ system: 'xclip' })));
  const { code, stderr } = await commandLine(['evaluate', config, '--checkpoint', at('clip'), '--set',
    'data.frames=8']);
  assert.is(code, 1);
  assert.match(stderr,
    /clip: is clip-mean, the configuration has model\.system: xclip\n +--set model\.system=clip-mean/);
  await done('evaluate', config, '--checkpoint', at('clip'), '--set', 'data.frames=8', '--system', 'clip-mean');
});

test('a head knows the classes that it was trained on, and no others', async () => {
  const { code, stderr } = await commandLine(['predict', clip, '--checkpoint', at('vit', 'two'), '--labels',
    'up, over']);
  assert.is(code, 1);
  assert.match(stderr, 'the head of vit: was trained on 3 classes, and 1 of the 2 names are none of them: "over"');
});

test('a system with texts asks for labels before it takes the GPU', async () => {
  const { code, stderr } = await commandLine(['predict', clip, '--checkpoint', at('clip')]);
  assert.is(code, 2);
  assert.match(stderr, '--labels is missing');
});

test('clip-one takes one frame, and says so', async () => {
  await using gpu = await open();
  const run = parseConfig(JSON.stringify(settings({ system: 'clip-one' })), 'one.yaml');
  await assert.rejectsWith(buildSystem(gpu, run, NAMES), ConfigError,
    'data.frames: is 2, clip-one takes one frame: a random one in training');
});

test('every configuration is read back as it was written, and names its system', () => {
  for (const system of TOWER_NAMES) {
    for (const choices of [{ classes: NAMES }, { classes: NAMES, messages: false, integration: false, prompts: false },
      { classes: NAMES, prompts: true }, { classes: NAMES, vectors: 16 }]) {
      const config = configFor(system, PRESETS.tiny, choices);
      const json = configToHuggingFace(config);
      assert.is(json.system, system);
      assert.equal(configFromHuggingFace(JSON.parse(JSON.stringify(json)), 'c.json'), config);
    }
  }
  const bare: ModelConfig = { system: 'vit-mean', frames: 1, classes: ['a', 'b'],
    vision: { ...PRESETS.tiny.vision, activation: 'gelu', eps: 1e-6, patchBias: true, lnPre: false } };
  assert.equal(configFromHuggingFace(configToHuggingFace(bare), 'c.json'), bare);
  assert.throwsWith(
    () => configFromHuggingFace({ ...configToHuggingFace(bare), id2label: { 0: 'a', 2: 'b' } }, 'c.json'),
    ConfigError,
    'c.json: id2label must have a text for each number from 0 on, "1" has nothing',
  );
});

test('only the whole X-CLIP, and CLIP as it is, pass for models of transformers', () => {
  assert.is(configToHuggingFace(PRESETS.tiny).model_type, 'xclip');
  assert.is(configToHuggingFace(configFor('xclip', PRESETS.tiny, { messages: false })).model_type, undefined);
  assert.is(configToHuggingFace(configFor('clip-mean', PRESETS.tiny)).model_type, 'clip');
  for (const other of [configFor('clip-mean', PRESETS.tiny, { prompts: true }),
    configFor('clip-mean', PRESETS.tiny, { vectors: 16 }), configFor('clip-joint', PRESETS.tiny)]) {
    assert.is(configToHuggingFace(other).model_type, undefined);
  }
});

test('an architecture lends its sizes to all systems, and is found again in them', () => {
  for (const system of TOWER_NAMES) {
    const { frames, ...sizes } = architectureOf(configFor(system, PRESETS['B/16'], { classes: NAMES }));
    assert.equal({ frames: 8, ...sizes }, PRESETS['B/16'], system);
    assert.is(frames, system === 'clip-one' ? 1 : 8);
  }
});

test('new parts learn always, towers as train.tune says, and the temperature with the texts', async () => {
  await using gpu = await open();
  for (const tune of TUNE) {
    for (const [system, added] of [['xclip', ['message_', 'mit.', 'prompts_']], ['clip-joint', ['temporal_embedding']],
      [
        'vit',
        ['message_', 'mit.', 'head.'],
      ]] as const) {
      using model = createModel(gpu, configFor(system, PRESETS.tiny, { classes: NAMES }));
      freeze(model, tune);
      const kindOf = (name: string) =>
        added.some((part) => name.includes(part)) ? 'new' : name.startsWith('visual.') ? 'visual' : 'text';
      const wanted = { new: true, visual: tune === 'visual' || tune === 'both',
        text: tune === 'text' || tune === 'both' };
      for (const [name, { requiresGrad }] of model.parameters()) {
        assert.is(requiresGrad, wanted[kindOf(name)], `${system}, ${tune}: ${name}`);
      }
    }
  }
});

test('X-CLIP that starts from towers of two eps is the same function once it was saved and read', () => {
  const { vision, text, ...others } = PRESETS.tiny;
  for (const [ofVision, ofText] of [[1e-6, undefined], [undefined, 1e-12], [1e-6, 1e-12]]) {
    const clip = configFor('clip-mean', { ...others, vision: { ...vision, ...(ofVision && { eps: ofVision }) },
      text: { ...text, ...(ofText && { eps: ofText }) } });
    const started = architectureOf(clip);
    assert.equal([started.mit.eps, started.prompts.eps], [ofVision, ofText]);
    assert.equal(configFromHuggingFace(configToHuggingFace(started), 'c.json'), started);
  }
});

test('CLIP-Joint without temporal positions does not know the order of frames, with them it does', async () => {
  await using gpu = await open();
  const config = configFor('clip-joint', { ...PRESETS.tiny, frames: 3 });
  using model = createModel(gpu, config);
  initialise(model, 2);
  const side = PRESETS.tiny.vision.imageSize;
  const frame = 3 * side * side;
  const frames = Array.from({ length: 3 },
    (_, t) => Float32Array.from({ length: frame }, (__, i) => Math.sin(i * (t + 1))));
  const featureOf = async (order: readonly number[]) => {
    using pixels = Tensor.from(gpu, Float32Array.from(order.flatMap((t) => [...frames[t]])), [1, 3, 3, side, side]);
    using video = gpu.scope(() => model.encodeVideo(pixels).video);
    return video.read();
  };
  const difference = async () => {
    const [forwards, backwards] = [await featureOf([0, 1, 2]), await featureOf([2, 1, 0])];
    return Math.max(...forwards.map((value, i) => Math.abs(value - backwards[i])));
  };
  assert.ok(await difference() < 1e-4, 'temporal positions are zero at first');
  const positions = new Map(model.parameters()).get('visual.temporal_embedding') as Tensor;
  positions.write(Float32Array.from({ length: positions.size }, (_, i) => Math.cos(i)));
  assert.ok(await difference() > 1e-2);
});

test.run();
