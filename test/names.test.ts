import { readFileSync } from 'node:fs';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { ConfigError } from '../engine/errors.ts';
import { architectureOf, PRESETS, towersOf } from '../model/systems/config.ts';
import { type Architecture, type Choices, configFor, ofImageNet,
  type TowerConfig } from '../model/systems/tower_config.ts';
import { configFromHuggingFace, configToHuggingFace } from '../model/checkpoint/huggingface.ts';
import { fromStored, ORIGINS, toStored } from '../model/checkpoint/names/index.ts';

const keys = (file: string) =>
  JSON.parse(readFileSync(new URL(`./fixtures/${file}`, import.meta.url), 'utf8')) as Record<string, number[]>;

test('every official name and shape of B/32 maps to exactly the Hugging Face names and shapes', () => {
  const mapped: Record<string, readonly number[]> = {};
  for (const [name, shape] of Object.entries(keys('keys_official_b32.json'))) {
    const { parts, partShape } = ORIGINS.hf.storedAs(name, shape);
    for (const part of parts) mapped[part] = partShape;
  }
  const sorted = (record: Record<string, readonly number[]>) =>
    Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1));
  assert.equal(sorted(mapped), sorted(keys('keys_hf_base_patch32.json')));
});

test('a transpose is undone by a transpose', () => {
  const matrix = Float32Array.from({ length: 15 }, (_, i) => i);
  assert.equal([...fromStored('transposed', matrix, [3, 5], [5, 3]).subarray(0, 4)], [0, 5, 10, 1]);
  assert.equal(toStored('transposed', fromStored('transposed', matrix, [3, 5], [5, 3]), [5, 3]), matrix);
});

test('channels of a convolution come first in a file and last here, kernels of any number of axes', () => {
  const values = Float32Array.from({ length: 24 }, (_, i) => i);
  // two outputs, three channels, a kernel of 2 x 2
  assert.equal([...fromStored('channels first', values, [2, 3, 2, 2], [2, 2, 2, 3]).subarray(0, 15)], [0, 4, 8, 1, 5, 9,
    2, 6, 10, 3, 7, 11, 12, 16, 20]);
  for (const stored of [[2, 3, 2, 2], [4, 2, 3], [2, 2, 1, 2, 3], [6, 4, 1, 1]]) {
    const [outputs, channels, ...kernel] = stored;
    const shape = [outputs, ...kernel, channels];
    const own = fromStored('channels first', values, stored, shape);
    assert.equal(toStored('channels first', own, shape), values, stored.join());
  }
});

test('a config.json gives back the configuration that it was written from', () => {
  for (const [name, preset] of Object.entries(PRESETS)) {
    assert.equal(configFromHuggingFace(configToHuggingFace(preset), name), preset);
  }
});

/** Every system with every choice that it has, and towers of other forms. */
function everyConfig(): readonly TowerConfig[] {
  const tiny: Architecture = PRESETS.tiny;
  const classes = ['push up', 'clap'];
  const choices: readonly (readonly [TowerConfig['system'], Choices])[] = [
    ...[{}, { messages: false }, { integration: false }, { prompts: false }, { vectors: 4 }]
      .map((choice) => ['xclip', choice] as const),
    ...(['clip-one', 'clip-mean', 'clip-joint'] as const).flatMap((system) =>
      [{}, { prompts: true }, { vectors: 4 }].map((choice) => [system, choice] as const)
    ),
    ...(['vit', 'vit-mean', 'vit-joint'] as const).flatMap((system) =>
      [{ classes }, { classes, isProjected: false }].map((choice) => [system, choice] as const)
    ),
  ];
  const towers: readonly Architecture[] = [tiny, { ...tiny, vision: ofImageNet(tiny.vision) }, { ...tiny,
    vision: { ...tiny.vision, lnPre: false } }, { ...tiny, text: { ...tiny.text, vocab: 300, endOfText: 298 } }];
  return choices.flatMap(([system, choice]) =>
    towers.filter(({ text }) => !('endOfText' in text) || system.startsWith('clip')).map((tower) =>
      configFor(system, { ...tower, mit: { ...tower.mit, activation: tower.vision.activation, ...epsOf(tower.vision) },
        prompts: { ...tower.prompts, ...epsOf(tower.text) } }, choice)
    )
  );
}
const epsOf = (part: object) => ('eps' in part ? { eps: part.eps as number } : {});

test('every system, with every part that it may have or lack, is read back from its config.json as it was', () => {
  const configs = everyConfig();
  assert.is(configs.length, 69);
  for (const config of configs) {
    const json = JSON.parse(JSON.stringify(configToHuggingFace(config)));
    assert.equal(configFromHuggingFace(json, 'config.json'), config, JSON.stringify(json));
  }
});

test('a config.json names a class of transformers where there is one that is the model, and no other', () => {
  const tiny: Architecture = PRESETS.tiny;
  const named = (system: TowerConfig['system'], choices: Choices = {}, vision = tiny.vision) => {
    const { model_type: type, architectures, messages, integration, prompts } = configToHuggingFace(
      configFor(system, { ...tiny, vision }, { classes: ['a'], ...choices }),
    );
    return [type, architectures, messages, integration, prompts].map((value) => String(value)).join(' ');
  };
  const none = 'undefined undefined';
  assert.is(named('xclip'), `xclip XCLIPModel ${none} undefined`);
  assert.is(named('xclip', { messages: false }), `${none} false true true`);
  assert.is(named('xclip', { integration: false }), `${none} true false true`);
  assert.is(named('xclip', { prompts: false }), `${none} true true false`);
  assert.is(named('xclip', {}, ofImageNet(tiny.vision)), `${none} true true true`);
  for (const system of ['clip-one', 'clip-mean'] as const) {
    assert.is(named(system), `clip CLIPModel ${none} false`);
    assert.is(named(system, { prompts: true }), `${none} ${none} true`);
    assert.is(named(system, { vectors: 4 }), `${none} ${none} false`);
    assert.is(named(system, {}, { ...tiny.vision, patchBias: true }), `${none} ${none} false`);
    assert.is(named(system, {}, { ...tiny.vision, lnPre: false }), `${none} ${none} false`);
  }
  assert.is(named('clip-joint'), `${none} ${none} false`);
  assert.is(named('vit'), `${none} ${none} undefined`);
});

test('a system is what a file names, or what its model_type is, and the end of text is the largest id unless told', () => {
  const systemOf = (json: object) => configFromHuggingFace(json, 'c.json').system;
  assert.equal([systemOf({}), systemOf({ model_type: 'clip' }), systemOf({ model_type: 'clip', system: 'clip-one' })], [
    'xclip',
    'clip-mean',
    'clip-one',
  ]);
  for (const [json, problem] of [[{ system: 'clips' }, 'system is "clips", known are'], [{ model_type: 'toString' },
    'model_type is "toString", expected "xclip" or "clip"'], [{ model_type: 1 }, 'model_type is 1']] as const) {
    assert.throwsWith(() => systemOf(json), ConfigError, new RegExp(problem));
  }
  const endOf = (eos: unknown, vocab: number, model = 'clip') => {
    const config = configFromHuggingFace({ model_type: model, text_config: { eos_token_id: eos, vocab_size: vocab } },
      'c.json');
    return 'text' in config ? config.text.endOfText : null;
  };
  assert.equal([endOf(2, 300), endOf(299, 300), endOf(undefined, 300), endOf(49_407, 49_408), endOf(undefined, 49_408),
    endOf(undefined, 49_410)], [undefined, undefined, undefined, undefined, undefined, 49_407]);
  assert.equal([endOf(1, 300), endOf(3, 300), endOf(298, 300)], [1, 3, 298]);
  assert.is(endOf(3, 300, 'xclip'), undefined, "XCLIPModel's is the largest id always");
  assert.throwsWith(() => endOf(0, 300), ConfigError, /text\.endOfText must be a whole number of at least 1, got 0/);
  for (const eos of [-1, 1.5, '3', [3]]) {
    assert.throwsWith(() => endOf(eos, 300), ConfigError, /eos_token_id must be the id of one token/);
  }
  assert.throwsWith(() => configFromHuggingFace({ vision_config: { mit_hidden_size: 100 } }, 'c.json'), ConfigError,
    'c.json: vision_config.mit_hidden_size (100) must equal projection_dim (512)');
});

test('an empty config.json is B/32, as transformers has it', () => {
  assert.equal(configFromHuggingFace({}, 'config.json'), PRESETS['B/32']);
});

test('the eps of layer norms is read where transformers has it: prompts take that of texts', () => {
  const json = { text_config: { layer_norm_eps: 1e-6 }, vision_config: { layer_norm_eps: 1e-12 } };
  const { vision, text, mit, prompts } = architectureOf(towersOf(configFromHuggingFace(json, 'c.json'), 'c.json'));
  assert.equal([vision.eps, text.eps, mit.eps, prompts.eps], [1e-12, 1e-6, 1e-12, 1e-6]);
});

test('what we cannot compute is refused, all problems at once', () => {
  for (const act of [['gelu'], 1, null, 'toString']) {
    const json = { vision_config: { hidden_act: act } };
    if (act === null) assert.is(configFromHuggingFace(json, 'c.json').system, 'xclip', 'null is nothing');
    else assert.throwsWith(() => configFromHuggingFace(json, 'c.json'), ConfigError, /hidden_act is/);
  }
  const json = { vision_config: { hidden_act: 'silu', layer_norm_eps: '1e-6', mit_hidden_size: 100 },
    projection_dim: '512' };
  assert.throwsWith(() => configFromHuggingFace(json, 'x/config.json'),
    /x\/config\.json: projection_dim must be a number[^]*layer_norm_eps must be a number, got "1e-6"[^]*hidden_act is "silu"[^]*mit_hidden_size/);
});

test.run();
