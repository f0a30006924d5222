/** Sizes of the published models, without a GPU: the modules are built on one that only counts. */
import { readFileSync } from 'node:fs';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { parameterCount, sizeOf } from '../engine/index.ts';
import { ORIGINS } from '../model/checkpoint/names/index.ts';
import { Clip } from '../model/systems/clip.ts';
import { type Architecture, configFor, networkFor, PRESETS, withOneBlock } from '../model/systems/config.ts';
import { createModel } from '../model/systems/index.ts';
import { Xclip } from '../model/systems/xclip.ts';
import { counting } from './counting_gpu.ts';

interface Counts {
  readonly hf: number;
  readonly n_tensors: number;
  readonly official?: number;
  readonly official_tensors?: number;
  readonly groups: Readonly<Record<'other' | 'prompts' | 'text' | 'vision_clip' | 'message' | 'mit', number>>;
}

const fixture = <T>(file: string) =>
  JSON.parse(readFileSync(new URL(`./fixtures/${file}`, import.meta.url), 'utf8')) as T;

function groupOf(name: string): keyof Counts['groups'] {
  if (name.includes('message_')) return 'message';
  if (name.startsWith('visual.')) return 'vision_clip';
  if (name.startsWith('mit.')) return 'mit';
  if (name.startsWith('prompts_')) return 'prompts';
  return name === 'logit_scale' ? 'other' : 'text';
}

for (const [entry, want] of Object.entries(fixture<Record<string, Counts>>('param_counts.json'))) {
  test(`${entry} has as many parameters as Hugging Face's and the official model, part by part`, () => {
    const [preset, frames] = entry.split('_T');
    const model = new Xclip(counting, { ...PRESETS[preset as keyof typeof PRESETS], frames: Number(frames) });
    const groups = { other: 0, prompts: 0, text: 0, vision_clip: 0, message: 0, mit: 0 };
    let [official, huggingFace] = [0, 0];
    for (const [name, { shape, size }] of model.parameters()) {
      groups[groupOf(name)] += size;
      official++;
      const { parts, partShape } = ORIGINS.hf.storedAs(name, shape);
      huggingFace += parts.length;
      assert.is(parts.length * sizeOf(partShape), size, name);
    }
    assert.is(parameterCount(model), want.hf);
    assert.equal(groups, want.groups);
    assert.is(huggingFace, want.n_tensors);
    assert.is(official, want.official_tensors ?? official);
    assert.is(parameterCount(model), want.official ?? want.hf);
  });
}

test('names and shapes of B/32 are those of the official checkpoint', () => {
  const sorted = (entries: Iterable<readonly [string, readonly number[]]>) =>
    [...entries].sort(([a], [b]) => (a < b ? -1 : 1));
  const model = new Xclip(counting, PRESETS['B/32']);
  assert.equal(sorted([...model.parameters()].map(([name, { shape }]) => [name, shape])),
    sorted(Object.entries(fixture<Record<string, number[]>>('keys_official_b32.json'))));
});

/** Parameters of X-CLIP, written out from the layers: linear maps with biases D·D' + D', norms 2 · D. */
function countOf({ embedDim: e, frames, vision: v, text: t, mit, prompts }: Architecture): number {
  const attention = (d: number) => 4 * (d * d + d);
  const mlp = (d: number, hidden: number) => 2 * d * hidden + hidden + d;
  const block = (d: number, hidden: number) => attention(d) + mlp(d, hidden) + 2 * 2 * d;
  const message = (d: number) => d * d + d + 2 * d + attention(d);
  const vision = 3 * v.patch ** 2 * v.width + v.width + ((v.imageSize / v.patch) ** 2 + 1) * v.width + 2 * 2 * v.width
    + v.layers * (block(v.width, v.mlp) + message(v.width)) + v.width * e;
  const text = (t.vocab + t.context) * t.width + t.layers * block(t.width, t.mlp) + 2 * t.width + t.width * e;
  const prompt = 2 * v.width + v.width * e + 2 * e + prompts.layers * (4 * e * e + e + 2 * 2 * e + mlp(e, 4 * e)) + e;
  return vision + text + frames * e + mit.layers * block(e, mit.mlp) + prompt + 1;
}

for (const [name, config] of Object.entries(PRESETS)) {
  test(`the preset ${name} has the parameters that its layers add up to`, () =>
    assert.is(parameterCount(new Xclip(counting, config)), countOf(config)));
}

test("CLIP has X-CLIP's parameters without messages, integration and prompts", () => {
  const [clip, xclip] = [new Clip(counting, configFor('clip-mean', PRESETS['B/32'])),
    new Xclip(counting, PRESETS['B/32'])];
  const names = [...xclip.parameters()].map(([name]) => name).filter((name) =>
    groupOf(name) !== 'message' && !/^(mit|prompts_)/.test(name)
  );
  assert.equal([...clip.parameters()].map(([name]) => name).sort(), names.sort());
});

test('a model with one block has one of each that are alike, and is otherwise the same', () => {
  for (const config of Object.values(PRESETS)) {
    assert.equal(withOneBlock(config), { ...config, vision: { ...config.vision, layers: 1 } });
  }
  for (const [system, preset, frames] of BACKBONES) {
    const config = networkFor(system, preset, { frames, imageSize: 224, classes: ['a'] });
    const counts = /"(layers|blocks|depths)":(\d+|\[[\d,]+\])/g;
    const told = (own: object) => [...JSON.stringify(own).matchAll(counts)].map(([, , count]) => count);
    assert.ok(told(config).length > 0, system);
    assert.equal(told(withOneBlock(config)), told(config).map((count) => count.replace(/\d+/g, '1')), system);
    assert.is(JSON.stringify(withOneBlock(config)).replace(counts, ''), JSON.stringify(config).replace(counts, ''));
  }
});

/** Parameters of backbones without their heads, as they are published for 224 x 224, and of a head's row. */
const BACKBONES = [['timesformer', 'B/16', 8, 121_258_752, 769], ['timesformer-joint', 'B/16', 8, 85_804_800, 769], [
  'timesformer-space',
  'B/16',
  8,
  85_798_656,
  769,
], ['tsm', 'R50', 8, 23_508_032, 2049], ['video-swin', 'B', 32, 87_638_984, 1025], ['videomae', 'B/16', 16, 86_227_200,
  769], ['coswin', 'H', 1, 637_371_952, 2049], ['coswin', 'H@384', 1, 637_803_952, 2049]] as const;
for (const [system, preset, frames, count, row] of BACKBONES) {
  test(`${system} has as many parameters as the published one, and a row of its head for each class`, () => {
    for (const classes of [400, 51]) {
      const names = Array.from({ length: classes }, (_, k) => `class ${k}`);
      const config = networkFor(system, preset, { frames, imageSize: 224, classes: names });
      assert.is(parameterCount(createModel(counting, config)), count + row * classes);
    }
  });
}

test.run();
