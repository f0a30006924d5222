/** Sentences for the names of classes: their words, what an evaluation makes of them, and a step with another one. */
import { fileURLToPath } from 'node:url';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { close } from './close.ts';
import { type Gpu, noGrad, open, Tensor } from '../engine/index.ts';
import { ones } from '../engine/tape.ts';
import { type Architecture, configFor, PRESETS, type TowerName } from '../model/systems/config.ts';
import { createModel } from '../model/systems/index.ts';
import type { TextModel } from '../model/systems/text_model.ts';
import { officialPreprocessor } from '../model/checkpoint/preprocessor.ts';
import { initialise } from '../model/parts/init.ts';
import { evenly, inputOf, type System, textFeatures } from '../model/systems/system.ts';
import { drawTemplate, sentences, TEMPLATE_MEANS, TEMPLATES } from '../model/templates.ts';
import { clipTokenizer } from '../model/tokenizer.node.ts';
import { Candidates, PLAIN, requireWords } from '../train/protocols/candidates.ts';
import { logitsOf } from '../train/protocols/logits.ts';
import { StepTexts } from '../train/recipe/step_texts.ts';
import { readFixtures } from '../train/verify/folder.ts';
import { kindOf, verifyFixture } from '../train/verify/index.ts';

const gpu = await open();
ones(gpu, []).dispose(); // the first one stays, for the life of the context
const NAMES = ['abseiling', 'cliff diving', "massaging person's head", '$& {} $1', 'tai chi'];
const { tokenizer } = (await clipTokenizer()).compact(sentences('actionclip', NAMES));
const CONFIG: Architecture = { ...PRESETS.tiny, embedDim: 24, frames: 2,
  vision: { ...PRESETS.tiny.vision, width: 24, layers: 1, heads: 2, mlp: 48, patch: 8, imageSize: 16 },
  text: { ...PRESETS.tiny.text, width: 24, heads: 2, layers: 1, mlp: 48, context: 20, vocab: tokenizer.vocabSize },
  mit: { ...PRESETS.tiny.mit, heads: 2, mlp: 48 }, prompts: { ...PRESETS.tiny.prompts, layers: 1 } };

function systemWith(kind: TowerName): System {
  const model = createModel(gpu, configFor(kind, CONFIG));
  initialise(model, 3);
  return { model, tokenizer, preprocessor: officialPreprocessor(CONFIG.vision.imageSize) };
}

test('the lists have 16 templates each, and differ in two', () => {
  const { none, paper, actionclip } = TEMPLATES;
  assert.equal([none.length, paper.length, actionclip.length], [1, 16, 16]);
  const different = paper.flatMap((template, i) => (template === actionclip[i] ? [] : [[template, actionclip[i]]]));
  assert.equal(different, [['{}, this is an action', '{} this is an action'], ['Can you recognize the action of {}',
    'Can you recognize the action of {}?']]);
  assert.is(new Set(paper).size, 16);
  assert.ok(paper.every((template) => template.split('{}').length === 2));
  assert.equal(sentences('paper', ['a', '$& {} $1']).slice(0, 2), ['a photo of action a',
    'a photo of action $& {} $1']);
});

test('one template a step, by seed and number alone, and each of them as often', () => {
  const drawn = Array.from({ length: 1600 }, (_, step) => drawTemplate('paper', 7, step));
  const counts = Array.from({ length: 16 }, (_, template) => drawn.filter((each) => each === template).length);
  assert.ok(Math.min(...counts) > 60 && Math.max(...counts) < 145, counts.join());
  assert.is(drawTemplate('paper', 7, 1234), drawn[1234]);
  assert.is(drawTemplate('none', 7, 1234), 0);
});

const fixtures = await readFixtures(fileURLToPath(new URL('./fixtures/systems/', import.meta.url)));
test('means of softmax, of logits and of embeddings are those of the reference', async () => {
  const [file] = fixtures.filter((each) => kindOf(each) === 'templates');
  const results = await verifyFixture(gpu, file, 'templates', { type: 'f32' });
  assert.equal(results.map(({ check, passed, tensors }) => [check, passed, tensors]), [['p16, 16 templates', true, 4], [
    'p1, 1 templates',
    true,
    4,
  ]]);
});

const { frames, vision: { imageSize: side } } = CONFIG;
const clips = {
  frames: Array.from({ length: 2 * frames },
    (_, at) => ({ width: side, height: side, matrix: 'bt601' as const, range: 'full' as const,
      data: Uint8Array.from({ length: 1.5 * side ** 2 }, (__, i) => (37 * i + 91 * at * (i % 7)) % 256) })),
  views: [0, 1].map(() => ({ frames: [], crop: { x: 0, y: 0, width: side, height: side }, flip: false })),
};

for (const kind of ['xclip', 'clip-mean'] as const) {
  test(`${kind}: a clip is ranked by the mean over templates, whichever is asked for`, async () => {
    const system = systemWith(kind);
    using model = system.model;
    const input = inputOf(model, system.preprocessor);
    const logitsFor = async (
      features: Tensor,
    ) => [...await logitsOf(gpu, model, clips, { features, input, nameOf: String })];
    const [K, P] = [NAMES.length, 16];
    // float64, from the logits and the unit embeddings of each template alone
    const each = await Promise.all(TEMPLATES.paper.map(async (_, p) => {
      using features = textFeatures(gpu, system, sentences('paper', NAMES).slice(p * K, (p + 1) * K));
      return logitsFor(features);
    }));
    for (const mean of TEMPLATE_MEANS) {
      using candidates = new Candidates(gpu, system, NAMES, { templates: 'paper', mean });
      assert.is(candidates.texts, K * P);
      const logits = Float32Array.from(await logitsFor(candidates.features as Tensor));
      const perClip = logits.length / 2;
      for (const clip of [0, 1]) {
        const ranking = candidates.rank(logits.subarray(clip * perClip, (clip + 1) * perClip));
        const own = ranking.sort((a, b) => a.label - b.label).map(({ probability }) => probability);
        const rows = each.map((values) => values.slice(clip * K, (clip + 1) * K));
        const want = mean === 'softmax'
          ? meanOf(rows.map(softmax))
          : mean === 'logits'
          ? softmax(meanOf(rows))
          : softmax(await embeddingLogits(system, clip));
        // logits of up to 15 that are rounded to f32
        close(`${mean}, clip ${clip}`, own, want, { atol: 1e-5, rtol: 1e-4 });
      }
    }
    using plain = new Candidates(gpu, system, NAMES);
    using names = textFeatures(gpu, system, NAMES);
    assert.equal(await plain.features?.read(), await names.read(), 'without templates: the names as they are');
  });
}

const meanOf = (rows: readonly (readonly number[])[]) =>
  rows[0].map((_, k) => rows.reduce((sum, row) => sum + row[k], 0) / rows.length);

function softmax(logits: readonly number[]): number[] {
  const weights = logits.map((logit) => Math.exp(logit - Math.max(...logits)));
  const sum = weights.reduce((a, b) => a + b);
  return weights.map((weight) => weight / sum);
}

/** exp(scale) · v · m/|m|, where m is the mean of the unit embeddings of a class, as the model shows them to a tap. */
async function embeddingLogits({ model, tokenizer: own, preprocessor }: System, clip: number): Promise<number[]> {
  const [K, P] = [NAMES.length, 16];
  const width = CONFIG.embedDim;
  using features = textFeatures(gpu, { model, tokenizer: own }, sentences('paper', NAMES));
  const { pixelsOf } = await import('../train/data/views/pixels.ts');
  const seen = new Map<string, Tensor>();
  const videos = evenly(gpu, () => model.encodeVideo(pixelsOf(gpu, clips, inputOf(model, preprocessor))));
  evenly(gpu, () => model.compare(videos, features, { tap: (name, value) => seen.set(name, gpu.keep(value.detach())) }))
    .dispose();
  const read = async (tensor: Tensor | undefined) => (tensor === undefined ? undefined : [...await tensor.read()]);
  const video = (await read(seen.get('video_embeds')) ?? await read(videos.video)) as number[];
  const shown = await read(seen.get('text_embeds'));
  const texts = (shown ?? await read(features)) as number[];
  const [scale] = await (model as TextModel).logitScale.read();
  for (const tensor of [...seen.values(), videos.video, ...(videos.patches ? [videos.patches] : [])]) tensor.dispose();
  const unit = (row: number[]) => row.map((x) => x / Math.hypot(...row));
  const of = (k: number, p: number) => {
    const first = ((shown === undefined ? 0 : clip * P * K) + p * K + k) * width;
    return unit(texts.slice(first, first + width));
  };
  const v = unit(video.slice(clip * width, (clip + 1) * width));
  return NAMES.map((_, k) => {
    const m = unit(meanOf(Array.from({ length: P }, (__, p) => of(k, p))));
    return Math.exp(scale) * v.reduce((sum, x, i) => sum + x * m[i], 0);
  });
}

for (const isFixed of [true, false]) {
  test(`a captured step is given another template: ${isFixed ? 'features' : 'ids'} are written in place`, async () => {
    const { live } = gpu.pool;
    await choosing(isFixed);
    assert.is(gpu.pool.live, live, 'all memory is given back');
  });
}

async function choosing(isFixed: boolean): Promise<void> {
  const system = systemWith('xclip');
  using model = system.model;
  const texts = sentences('actionclip', NAMES);
  const rows = tokenizer.tokenize(texts, CONFIG.text.context);
  using own = new StepTexts(gpu, system, { ...rows, sentences: texts, templates: 16, isFixed });
  using captured = gpu.capture(() =>
    noGrad(() =>
      'features' in own.current
        ? own.current.features.reshape([NAMES.length, CONFIG.embedDim])
        : model.encodeText(own.current)
    )
  );
  for (const template of [0, 5, 5, 15, 0]) {
    own.choose(template);
    using want = textFeatures(gpu, system, texts.slice(template * NAMES.length, (template + 1) * NAMES.length));
    close(`template ${template}`, await captured.run().read(), await want.read(), { atol: 1e-5, rtol: 0 });
  }
  await gpu.sync();
  const { buffersCreated } = gpu.counts;
  own.choose(9);
  await gpu.sync();
  assert.is(gpu.counts.buffersCreated, buffersCreated, 'nothing is made');
  const again = () => assert.unreachable('what is in place is written again');
  gpu.copy = again;
  if (!('features' in own.current)) Object.assign(own.current, { write: again });
  own.choose(9);
  delete (gpu as Partial<Gpu>).copy; // the class has it still
}

test('a name that is too long in a template is named with it', () => {
  const system = systemWith('clip-mean');
  using _model = system.model;
  const long = [...NAMES.slice(0, 1), 'tai chi '.repeat(7).trim()];
  requireWords(system, long, PLAIN.templates);
  assert.throwsWith(() => new Candidates(gpu, system, long, { ...PLAIN, templates: 'paper' }),
    /^class "tai chi .*" in the template "\{\}, this is an action": "tai .*" makes 21 tokens, the context holds 20$/, {
    code: 'FL_TEXT_TOO_LONG',
  });
});

test.after(() => gpu.close());
test.run();
