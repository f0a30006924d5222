/** Texts are cut behind the longest one, and nothing that is made of them notices. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { open, type Tensor } from '../engine/index.ts';
import { type Architecture, configFor, PRESETS } from '../model/systems/config.ts';
import { Clip } from '../model/systems/clip.ts';
import { initialise } from '../model/parts/init.ts';
import { evenly, textFeatures } from '../model/systems/system.ts';
import { textBatch } from '../model/parts/text.ts';
import { clipTokenizer } from '../model/tokenizer.node.ts';

const gpu = await open();
const WORDS = 'a man who rides on his old horse and plays the drum while it rains on a hot day'.split(' ');
/** Of as many words: on both sides of 8 tokens and of 16, and two more. */
const LENGTHS = [1, 2, 6, 7, 14, 15, 19];
const NAMES = LENGTHS.map((words) => WORDS.slice(0, words).join(' '));
const { tokenizer } = (await clipTokenizer()).compact(NAMES);

/** Rows that are read in vectors, and rows that are read one by one. */
const WIDTHS = [{ width: 64, heads: 2 }, { width: 42, heads: 3 }];

for (const { width, heads } of WIDTHS) {
  const config: Architecture = { ...PRESETS.tiny,
    text: { ...PRESETS.tiny.text, width, heads, layers: 1, vocab: tokenizer.vocabSize } };

  test(`${width} wide: a text has the same bits alone, among longer ones, and padded to the context`, async () => {
    using model = new Clip(gpu, configFor('clip-mean', config));
    initialise(model, 7);
    const { context } = config.text;
    const padded = new Int32Array(NAMES.length * context);
    NAMES.forEach((name, k) => padded.set([tokenizer.start, ...tokenizer.encode(name), tokenizer.end], k * context));
    using want = evenly(gpu, () => model.encodeText(textBatch(gpu, padded, context)));
    const values = await want.read();
    const rows = async (features: Tensor) => {
      const read = await features.read();
      features.dispose();
      return read;
    };
    assert.equal(await rows(textFeatures(gpu, { model, tokenizer }, NAMES)), values);
    for (const [k, name] of NAMES.entries()) {
      const own = values.subarray(k * config.embedDim, (k + 1) * config.embedDim);
      assert.equal(await rows(textFeatures(gpu, { model, tokenizer }, [name])), own, name);
    }
  });
}

test('ids are cut behind the longest text, and behind the end of a text that is marked by another token', async () => {
  const { ids, length } = tokenizer.tokenize(NAMES, 77);
  assert.is(length, WORDS.length + 2);
  assert.is(ids.length, NAMES.length * length);
  assert.is(ids.at(-1), tokenizer.end, 'the longest has no padding');
  assert.is(tokenizer.tokenize(NAMES.slice(0, 2), 77).length, 9);
  assert.is(tokenizer.tokenize(NAMES.slice(0, 2), 6).length, 6, 'never longer than the context');
  for (const end of [undefined, tokenizer.end]) {
    using batch = textBatch(gpu, ids, length, end);
    assert.equal([...(await batch.ends.read())], LENGTHS.map((words) => words + 1));
  }
});

test.after(() => gpu.close());
test.run();
