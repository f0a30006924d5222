import { readFileSync } from 'node:fs';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { architectureOf, PRESETS, towersOf } from '../model/systems/config.ts';
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

test('an empty config.json is B/32, as transformers has it', () => {
  assert.equal(configFromHuggingFace({}, 'config.json'), PRESETS['B/32']);
});

test('the eps of layer norms is read where transformers has it: prompts take that of texts', () => {
  const json = { text_config: { layer_norm_eps: 1e-6 }, vision_config: { layer_norm_eps: 1e-12 } };
  const { vision, text, mit, prompts } = architectureOf(towersOf(configFromHuggingFace(json, 'c.json'), 'c.json'));
  assert.equal([vision.eps, text.eps, mit.eps, prompts.eps], [1e-12, 1e-6, 1e-12, 1e-6]);
});

test('what we cannot compute is refused, all problems at once', () => {
  const json = { vision_config: { hidden_act: 'silu', layer_norm_eps: '1e-6', mit_hidden_size: 100 },
    projection_dim: '512' };
  assert.throwsWith(() => configFromHuggingFace(json, 'x/config.json'),
    /x\/config\.json: projection_dim must be a number[^]*layer_norm_eps must be a number, got "1e-6"[^]*hidden_act is "silu"[^]*mit_hidden_size/);
});

test.run();
