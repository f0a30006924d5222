/** Which model a configuration asks for, by what it starts from; no checkpoint is read, and nothing needs a GPU. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { ConfigError } from '../engine/errors.ts';
import { officialPreprocessor } from '../model/checkpoint/preprocessor.ts';
import { type ModelConfig, networkFor, PRESETS } from '../model/systems/config.ts';
import { messageAnswerMacs } from '../train/run/macs.ts';
import { patternsOf, startingFrom } from '../train/run/fit.ts';
import { parseConfig } from '../train/run/config.ts';
import { publishedConfig, publishedPreset } from '../train/run/plan.ts';
import { choicesOf, modelConfigOf, trainingPreprocessor } from '../train/run/system.ts';

const configOf = (...overrides: string[]) =>
  parseConfig('data: {train: a, labels: b, size: 224}\nmodel: {preset: B/32}\n', 'c.yaml', overrides);

const { vision } = PRESETS['B/16'];
/** What is where: a CLIP, a ViT of pictures, and a network. */
const HELD: Readonly<Record<string, ModelConfig>> = {
  '/clip': PRESETS['L/14'],
  '/vit': { system: 'vit-mean', frames: 1, vision, classes: [] },
  '/tsm': networkFor('tsm', 'R50', { frames: 8, imageSize: 224, classes: ['a'] }),
};
const asked: string[] = [];
const model = (...overrides: string[]) =>
  modelConfigOf(configOf(...overrides), ['a', 'b'], async (path, key) => {
    asked.push(`${key}: ${path}`);
    return HELD[path];
  });
const refused = (...overrides: string[]) => assert.rejectsWith(model(...overrides), ConfigError);
const from = (checkpoint: string) => ['model.preset=null', `model.checkpoint=${checkpoint}`];

test('a preset, or a checkpoint, gives the sizes; the data the frames and the side', async () => {
  assert.equal(await model('data.frames=4'), { ...PRESETS['B/32'], frames: 4 });
  assert.equal(await model(...from('/clip'), 'data.frames=16'), { ...PRESETS['L/14'], frames: 16 });
  assert.equal(await model('data.size=96', 'model.interpolatePatches=true'), { ...PRESETS['B/32'],
    vision: { ...PRESETS['B/32'].vision, imageSize: 96 } });
  const tsm = await model('model.preset=R50', 'model.system=tsm', 'data.frames=4');
  assert.equal(tsm, networkFor('tsm', 'R50', { frames: 4, imageSize: 224, classes: ['a', 'b'] }));
  assert.equal(await model(...from('/tsm'), 'model.system=tsm'),
    networkFor('tsm', 'R50', { frames: 8, imageSize: 224, classes: ['a', 'b'] }));
  assert.equal(asked.splice(0), ['checkpoint: /clip', 'checkpoint: /tsm']);
});

test('pictures may come from one checkpoint, and texts from another', async () => {
  const both = await model(...from('/clip'), 'model.vision=/vit');
  assert.equal(asked.splice(0), ['checkpoint: /clip', 'vision: /vit']);
  const { text, embedDim } = PRESETS['L/14'];
  assert.equal('text' in both && [both.vision, both.text, both.embedDim, both.frames], [vision, text, embedDim, 8]);
  const alone = await refused(...from('/vit'));
  assert.is(alone.message, 'model.checkpoint: /vit has no text tower, and xclip compares videos with texts');
  assert.match(alone.hint ?? '', '--set model.vision=/vit --set model.checkpoint=clip-vit-base-patch16');
  assert.is((await refused(...from('/vit'), 'model.vision=/vit')).hint,
    'take texts from a CLIP: --set model.checkpoint=clip-vit-base-patch16');
  const withHead = await model(...from('/vit'), 'model.system=vit');
  assert.equal('vision' in withHead && [withHead.system, withHead.vision], ['vit', vision]);
});

test('a checkpoint of another network is refused by name', async () => {
  assert.match((await refused(...from('/tsm'))).message, /^\/tsm: is a tsm, which has none of the towers of /);
  const other = await refused(...from('/clip'), 'model.system=tsm');
  assert.equal([other.message, other.hint], ['model.checkpoint: /clip is of another network than tsm',
    'take one of a tsm, or of what it starts from']);
});

test('pictures have the side that a model takes, in whole patches', async () => {
  const other = await refused('data.size=256');
  assert.equal([other.message, other.hint], ['data.size: is 256, the model takes pictures of 224',
    'set data.size to 224, or interpolate its positions: model.interpolatePatches=true']);
  const uneven = await refused('data.size=230', 'model.interpolatePatches=true');
  assert.equal([uneven.message, uneven.hint], ['data.size: is 230, the model takes pictures of whole patches of 32',
    'set data.size to 224']);
  assert.is((await refused('data.size=250', 'model.interpolatePatches=true')).hint, 'set data.size to 256');
  assert.is((await refused('data.size=5', 'model.interpolatePatches=true')).hint, 'set data.size to 32');
  const frames = await refused('model.system=clip-one', 'data.frames=2');
  assert.equal([frames.message, frames.hint], ['data.frames: is 2, clip-one takes one frame: a random one in training',
    'set data.frames to 1']);
  assert.is((await model('model.system=clip-one', 'data.frames=1')).frames, 1);
});

test('parts are those that the configuration names', () => {
  const parts = (...overrides: string[]) => choicesOf(configOf(...overrides).model);
  assert.equal([parts(), parts('model.prompts=false', 'model.messages=false'), parts('model.prompts=learned'),
    parts('model.prompts=true', 'model.integration=false')], [{ messages: true, integration: true }, { messages: false,
    integration: true, prompts: false }, { messages: true, integration: true, vectors: 16 }, { messages: true,
    integration: false, prompts: true }]);
});

test('frames lie as the configuration says, in evaluation as in training unless it says otherwise', () => {
  const patterns = (...overrides: string[]) => {
    const { training, evaluation } = patternsOf(configOf(...overrides));
    return [training, evaluation];
  };
  const [sparse, dense] = [{ kind: 'sparse' }, { kind: 'dense', stride: 3 }];
  assert.equal([patterns(), patterns('data.sampling=dense', 'data.stride=3'),
    patterns('data.sampling=dense', 'data.stride=3', 'data.valSampling=sparse'),
    patterns('data.stride=3', 'data.valSampling=dense')], [[sparse, sparse], [dense, dense], [dense, sparse], [sparse,
    dense]]);
});

test('a run that goes on takes all from its own checkpoint', () => {
  const { model: own, ...others } = startingFrom(configOf(...from('/clip'), 'model.vision=/vit'), '/run/step');
  assert.equal([own.preset, own.checkpoint, own.vision, own.system, others.data.size], [null, '/run/step', null,
    'xclip', 224]);
});

test('training resizes as the recipe does, or to the side itself where nothing is cut out', () => {
  const official = officialPreprocessor(32);
  assert.equal(trainingPreprocessor(32, true), official);
  assert.equal(trainingPreprocessor(32, false), { ...official, resize: { shortSide: 32, resampling: 'bilinear' } });
  const start = { ...official, mean: [0.5, 0.5, 0.5] as const, resize: null };
  assert.equal(trainingPreprocessor(32, 'resized', start as never), { ...start, resize: official.resize });
});

test('a published architecture is known by how its folder is called', () => {
  assert.equal(
    ['/w/clip-vit-base-patch32', 'xclip-base-patch16-16-frames', 'clip-vit-large-patch14-336',
      'vit_base_patch16_224.augreg_in21k', 'vit-large-patch14', 'clip-vit-base-patch8', 'base', '/base-patch32/x'].map(
        publishedPreset,
      ),
    ['B/32', 'B/16', 'L/14@336', 'B/16', 'L/14', undefined, undefined, undefined],
  );
});

test('a published model, or a run that is called after one, has the sizes of its kind, and pictures of their own', () => {
  const sizesOf = (name: string) => {
    const config = publishedConfig(`/w/${name}`, 'checkpoint');
    const { system, frames } = config;
    if ('network' in config) {
      const own = config.network as unknown as Record<string, unknown>;
      return [system, frames, own.width, own.blocks ?? own.depths ?? own.layers,
        ...(system === 'video-swin' ? [own.window, own.patch] : [])].join(' ');
    }
    const { width, patch, imageSize, patchBias = false } = config.vision;
    return [system, frames, width, patch, imageSize, patchBias].join(' ');
  };
  assert.equal(
    ['resnet50-11ad3fa6.pth', 'resnet101-63fe2227.pth', 'tsm_imagenet-pretrained-r50_8xb16', 'tsm-r101-x',
      'swin_tiny_patch4_window7_224.pth', 'swin-base-p244-w877.pth', 'swin3d_s-da41c237.pth',
      'videomae-large-finetuned', 'timesformer-hr-finetuned', 'clip-vit-base-patch16', 'vit-base-patch32-224',
      'xclip-large-patch14-imagenet'].map(
        sizesOf,
      ),
    ['tsn 8 64 3,4,6,3', 'tsn 8 64 3,4,23,3', 'tsm 8 64 3,4,6,3', 'tsm 8 64 3,4,23,3',
      'video-swin 1 96 2,2,6,2 1,7,7 1,4,4', 'video-swin 32 128 2,2,18,2 8,7,7 2,4,4',
      'video-swin 32 96 2,2,18,2 8,7,7 2,4,4', 'videomae 16 1024 24', 'timesformer 8 768 12',
      'xclip 8 768 16 224 false', 'vit-mean 8 768 32 224 true', 'xclip 8 1024 14 224 true'],
  );
  for (const [key, hint] of [['checkpoint', /--set model\.checkpoint=null --set model\.preset=B\/16$/], ['vision',
    /vit-base-patch16-224-in21k$/]] as const) {
    assert.throwsWith(() => publishedConfig('/w/mine', key),
      `model.${key}: /w/mine is not there, and "mine" is no published model`, { hint });
  }
});

test('answers of messages that nobody reads are counted where there are messages', () => {
  const { width, layers } = PRESETS['B/32'].vision;
  const tokens = 7 * 7 + 2;
  const count = 8 * layers * (2 * tokens * width + width ** 2);
  const vit = { ...HELD['/vit'], system: 'vit', frames: 8, vision: PRESETS['B/32'].vision } as ModelConfig;
  assert.equal(
    [PRESETS['B/32'], { ...PRESETS['B/32'], messages: false }, vit, HELD['/tsm'], HELD['/vit']].map((each) =>
      messageAnswerMacs(each as ModelConfig)
    ),
    [count, 0, count, 0, 0],
  );
});

test.run();
