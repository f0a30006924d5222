/** What `config.json` files of networks, of ViTs alone and of X-CLIP say, key by key, and what is wrong with one. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { ConfigError } from '../engine/errors.ts';
import { configFromHuggingFace, configToHuggingFace, oddHeads } from '../model/checkpoint/huggingface.ts';
import { activationOf, classesOf, numbersOf, requireColour } from '../model/checkpoint/json_sizes.ts';
import { isNetworkJson, networkFromJson, networkToJson } from '../model/checkpoint/network_json.ts';
import { configFromVit, isVit } from '../model/checkpoint/vit_config.ts';
import { NETWORK_NAMES, networkFor, PRESETS, towersOf } from '../model/systems/config.ts';

const told = (work: () => unknown) => assert.throwsWith(work, ConfigError).message;
const problemsOf = (work: (problems: string[]) => unknown) => {
  const problems: string[] = [];
  work(problems);
  return problems;
};

/** A number of its own for each key. */
const SIZES = { hidden_size: 128, intermediate_size: 100, num_hidden_layers: 3, num_attention_heads: 4, patch_size: 5,
  image_size: 40, num_frames: 6, layer_norm_eps: 1e-3 };
const read = (json: object) => networkFromJson(json as never, 'c.json');

test("a TimeSformer's file is read key by key, and what it leaves out is as transformers has it", () => {
  const network = { activation: 'gelu', width: 768, layers: 12, heads: 12, mlp: 3072, patch: 16, eps: 1e-6 };
  assert.equal(read({ model_type: 'timesformer' }), { system: 'timesformer', frames: 8, imageSize: 224, classes: [],
    network });
  const config = { system: 'timesformer-joint', frames: 6, imageSize: 40, classes: ['a', 'b'],
    network: { activation: 'gelu_tanh', width: 128, layers: 3, heads: 4, mlp: 100, patch: 5, eps: 1e-3 } };
  const json = { model_type: 'timesformer', ...SIZES, attention_type: 'joint_space_time', hidden_act: 'gelu_new',
    id2label: { 0: 'a', 1: 'b' }, qkv_bias: true, num_channels: 3 };
  assert.equal(read(json), config);
  assert.is(read({ ...json, attention_type: 'space_only' }).system, 'timesformer-space');
  assert.equal(networkToJson(config as never), {
    system: 'timesformer-joint',
    num_frames: 6,
    image_size: 40,
    id2label: { 0: 'a', 1: 'b' },
    architectures: ['TimesformerForVideoClassification'],
    model_type: 'timesformer',
    attention_type: 'joint_space_time',
    label2id: { a: 0, b: 1 },
    hidden_size: 128,
    intermediate_size: 100,
    num_hidden_layers: 3,
    num_attention_heads: 4,
    patch_size: 5,
    hidden_act: 'gelu_pytorch_tanh',
    layer_norm_eps: 1e-3,
    qkv_bias: true,
  });
  assert.is(
    told(() => read({ ...json, attention_type: 'toString', qkv_bias: false, num_channels: 4, hidden_size: '7' })),
    'c.json: hidden_size must be a number, got "7"\nattention_type is "toString", known are '
      + 'divided_space_time, joint_space_time, space_only\nqkv_bias is false, only attention with biases is '
      + 'known\nnum_channels is 4, only 3 is known',
  );
});

test("a VideoMAE's file likewise, with the norm behind the mean where it has another", () => {
  const network = { activation: 'gelu', width: 768, layers: 12, heads: 12, mlp: 3072, patch: 16, tubelet: 2, eps: 1e-12,
    poolEps: 1e-5 };
  assert.equal(read({ model_type: 'videomae' }), { system: 'videomae', frames: 16, imageSize: 224, classes: [],
    network });
  const config = { system: 'videomae', frames: 6, imageSize: 40, classes: [],
    network: { activation: 'gelu', width: 128, layers: 3, heads: 4, mlp: 100, patch: 5, tubelet: 3, eps: 1e-3,
      poolEps: 1e-4 } };
  assert.equal(read({ model_type: 'videomae', ...SIZES, tubelet_size: 3, fc_norm_eps: 1e-4 }), config);
  const json = networkToJson(config as never);
  assert.equal([json.model_type, json.architectures, json.tubelet_size, json.use_mean_pooling, json.fc_norm_eps,
    json.hidden_size], ['videomae', ['VideoMAEForVideoClassification'], 3, true, 1e-4, 128]);
  assert.not.ok('fc_norm_eps' in networkToJson({ ...config, network: { ...config.network, poolEps: 1e-5 } } as never));
  assert.is(told(() => read({ model_type: 'videomae', qkv_bias: false, use_mean_pooling: false, num_channels: 1 })),
    'c.json: qkv_bias is false, only attention with biases is known\nuse_mean_pooling is false: it was trained '
      + 'to fill in what is hidden, and not to tell classes apart\nnum_channels is 1, only 3 is known');
});

test('other networks name themselves, and have sizes that are built as theirs are', () => {
  assert.equal([{ model_type: 'timesformer' }, { model_type: 'videomae' }, { system: 'tsm' }, { system: 'xclip' }, {
    system: 3,
  }, {}].map((json) => isNetworkJson(json)), [true, true, true, false, false, false]);
  for (const system of NETWORK_NAMES) {
    const config = networkFor(system, 'tiny', { frames: 6, imageSize: 64, classes: ['x', 'y'] });
    assert.equal(configFromHuggingFace(JSON.parse(JSON.stringify(configToHuggingFace(config))), 'c.json'), config);
    assert.equal('id2label' in configToHuggingFace(config), system !== 'x-florence');
  }
  const tsm = networkFor('tsm', 'tiny', { frames: 8, imageSize: 224, classes: [] });
  assert.equal(read({ system: 'tsm', network: tsm.network }), tsm, 'eight frames of 224, where nothing is said');
  const of = (change: object) => told(() => read({ system: 'tsm', network: { ...tsm.network, ...change } }));
  const like = (name: string, sample: string, got: string) =>
    `c.json: network.${name} must be like ${sample}, got ${got}`;
  assert.is(of({ width: '16' }), like('width', '64', '"16"'));
  assert.is(of({ blocks: 3 }), like('blocks', '[3,4,6,3]', '3'));
  assert.is(of({ blocks: [] }), like('blocks', '[3,4,6,3]', '[]'));
  assert.is(of({ blocks: [1, '2'] }), like('blocks', '[3,4,6,3]', '[1,"2"]'));
  assert.is(of({ eps: undefined, width: {} }),
    `${like('width', '64', '{}')}\nnetwork.eps must be like 0.00001, got nothing`);
  assert.match(told(() => read({ system: 'tsm', network: 3 })), /network must be like \{"width":64,.*, got 3$/);
  assert.match(told(() => read({ system: 'x-florence', network: { image: 3 } })), /network\.image must be like \{/);
});

test('a ViT alone is of two forms, and projects where its weights hold a projection', () => {
  assert.equal(['vit', 'clip_vision_model', 'clip', 'toString', 3].map((type) => isVit({ model_type: type })), [true,
    true, false, false, false]);
  const sizes = { width: 768, layers: 12, heads: 12, mlp: 3072, imageSize: 224 };
  const of = (json: object, embedDim?: number) => configFromVit(json as never, 'c.json', embedDim);
  assert.equal(of({ model_type: 'vit' }), { system: 'vit-mean', frames: 8, classes: [],
    vision: { ...sizes, activation: 'gelu', patch: 16, eps: 1e-12, patchBias: true, lnPre: false } });
  assert.equal(of({ model_type: 'clip_vision_model' }, 512), { system: 'vit-mean', frames: 8, classes: [],
    embedDim: 512, vision: { ...sizes, activation: 'quick_gelu', patch: 32 } });
  const { vision } = of({ model_type: 'clip_vision_model', ...SIZES, hidden_act: 'gelu' });
  assert.equal(vision, { activation: 'gelu', width: 128, layers: 3, heads: 4, mlp: 100, patch: 5, imageSize: 40,
    eps: 1e-3 });
  assert.is(told(() => of({ model_type: 'vit', qkv_bias: false, num_channels: 1, hidden_act: 'silu', patch_size: [] })),
    'c.json: patch_size must be a number, got []\nhidden_act is "silu", known are quick_gelu, gelu, gelu_python, '
      + 'gelu_new, gelu_pytorch_tanh\nnum_channels is 1, only 3 is known\nqkv_bias is false, only '
      + 'attention with biases is known');
});

test('numbers, activations, channels and classes of a file', () => {
  const problems: string[] = [];
  assert.equal(numbersOf({ a: 1, b: null, d: 0 }, { a: 7, b: 8, c: 9, d: 3 }, 'p.', problems), { a: 1, b: 8, c: 9,
    d: 0 });
  assert.equal(numbersOf({ a: '1' }, { a: 7 }, 'p.', problems), { a: 7 });
  assert.equal(problems, ['p.a must be a number, got "1"']);
  const names = { quick_gelu: 'quick_gelu', gelu: 'gelu', gelu_python: 'gelu', gelu_new: 'gelu_tanh',
    gelu_pytorch_tanh: 'gelu_tanh' };
  for (const [name, own] of Object.entries(names)) assert.is(activationOf({ act: name }, 'act', 'x', '', []), own);
  assert.is(activationOf({}, 'act', 'gelu_new', '', []), 'gelu_tanh');
  assert.equal([3, 4, undefined].map((count) => problemsOf((own) => requireColour({ num_channels: count }, 'v.', own))),
    [
      [],
      ['v.num_channels is 4, only 3 is known'],
      [],
    ]);
  const classes = (id2label: unknown) => {
    const own: string[] = [];
    return [classesOf({ id2label }, own), own.join()];
  };
  assert.equal(classes(undefined), [undefined, '']);
  assert.equal(classes({ 1: 'b', 0: 'a' }), [['a', 'b'], '']);
  assert.equal(classes({ 0: 'a', 2: 'c' }), [undefined,
    'id2label must have a text for each number from 0 on, "1" has nothing']);
  assert.equal(classes({ 0: 3 }), [undefined, 'id2label must have a text for each number from 0 on, "0" has 3']);
  assert.equal(classes('a'), [undefined, 'id2label must be an object, got "a"']);
});

test("X-CLIP's file is read key by key, early versions' own parts before the others", () => {
  const config = configFromHuggingFace({
    projection_dim: 256,
    prompt_layers: 3,
    prompt_alpha: 0.25,
    prompt_num_attention_heads: 2,
    prompt_hidden_act: 'gelu',
    text_config: { hidden_size: 1, intermediate_size: 90, num_hidden_layers: 4, num_attention_heads: 3,
      max_position_embeddings: 20, vocab_size: 500, hidden_act: 'gelu_new', layer_norm_eps: 1e-3 },
    text_config_dict: { hidden_size: 96 },
    vision_config: { hidden_size: 128, intermediate_size: 1, num_hidden_layers: 5, num_attention_heads: 4,
      patch_size: 7, image_size: 28, num_frames: 9, mit_hidden_size: 256, mit_intermediate_size: 80,
      mit_num_hidden_layers: 2, mit_num_attention_heads: 8, hidden_act: 'gelu', layer_norm_eps: 1e-4 },
    vision_config_dict: { intermediate_size: 110 },
  }, 'c.json');
  assert.equal(config, {
    system: 'xclip',
    embedDim: 256,
    frames: 9,
    vision: { activation: 'gelu', width: 128, layers: 5, heads: 4, mlp: 110, patch: 7, imageSize: 28, eps: 1e-4 },
    text: { activation: 'gelu_tanh', width: 96, layers: 4, heads: 3, mlp: 90, context: 20, vocab: 500, eps: 1e-3 },
    mit: { activation: 'gelu', layers: 2, heads: 8, mlp: 80, eps: 1e-4 },
    prompts: { activation: 'gelu', layers: 3, heads: 2, alpha: 0.25, eps: 1e-3 },
  });
  assert.equal(configFromHuggingFace(configToHuggingFace(config), 'c.json'), config);
  assert.is(
    told(() =>
      configFromHuggingFace({ text_config: 3, vision_config_dict: 'x', messages: 'yes', prompt_vectors: '4' }, 'c.json')
    ),
    'c.json: text_config must be an object\nvision_config_dict must be an object\nprompt_vectors must '
      + 'be a number, got "4"\nmessages must be true or false, got "yes"',
  );
  assert.is(told(() => configFromHuggingFace([], 'c.json')), 'c.json: config must be an object');
  assert.is(towersOf(configFromHuggingFace({ text_config: null }, 'c.json'), 'c').frames, 8);
  assert.is(told(() => configFromHuggingFace({ vision_config: { patchBias: 1 } }, 'c.json')),
    'c.json: vision_config.patchBias must be true or false, got 1');
});

test('heads that the official code does not have are told, where nothing else in a file shows them', () => {
  const of = (json: object) => oddHeads(json as never, configFromHuggingFace(json, 'c.json'));
  const wide = (more: object = {}, vision: object = {}) => ({ projection_dim: 768, ...more,
    vision_config: { mit_hidden_size: 768, ...vision } });
  assert.equal(of({}), [], 'eight are right for a width of 512');
  const [mit, prompts] = of(wide());
  const rest =
    'weights of a width of 768 that the official code trained have 12 heads, and are another function with 8: set';
  assert.is(mit, `vision_config.mit_num_attention_heads is left out, which means 8; ${rest} `
    + 'vision_config.mit_num_attention_heads to 12, unless transformers trained them');
  assert.is(prompts, `config.prompt_num_attention_heads is left out, which means 8; ${rest} `
    + 'config.prompt_num_attention_heads to 12, unless transformers trained them');
  assert.equal(of(wide({ prompt_num_attention_heads: 12 }, { mit_num_attention_heads: 12 })), []);
  assert.match(of(wide({ prompt_num_attention_heads: 12 }, { mit_num_attention_heads: 8 }))[0], /heads is 8; weights/);
  assert.is(of(wide({ prompt_num_attention_heads: 6 }, { mit_num_attention_heads: 12 })).length, 1);
  assert.equal(of(wide({ system: 'xclip' })), [], 'a file of ours says what it means');
  assert.equal(of({ model_type: 'clip', projection_dim: 768 }), []);
  assert.equal(of({ projection_dim: 200, vision_config: { mit_hidden_size: 200 } }), [],
    'no width of the official code');
  assert.equal(oddHeads({}, PRESETS['L/14']), []);
});

test.run();
