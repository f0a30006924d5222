import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { CompactVocabulary } from '../model/tokenizer.ts';
import { clipTokenizer } from '../model/tokenizer.node.ts';

interface Case {
  readonly text: string;
  readonly ids: readonly number[];
  readonly padded77_len?: number;
}

const { cases } = JSON.parse(readFileSync(new URL('./fixtures/xclip/tokenizer.json', import.meta.url), 'utf8')) as { cases: Case[] };
const tokenizer = await clipTokenizer();

test('the vocabulary is CLIP\'s', () => {
  assert.is(tokenizer.vocabSize, 49408);
  assert.equal([tokenizer.start, tokenizer.end], [49406, 49407]);
});

for (const { text, ids, padded77_len } of cases) {
  test(`${JSON.stringify(text.slice(0, 60))} has the reference's ids`, () => {
    assert.equal(tokenizer.encode(text), ids);
    if (padded77_len === undefined) assert.throws(() => tokenizer.tokenize([text], 77), /makes \d+ tokens, the context holds 77/);
    else assert.equal([...tokenizer.tokenize([text], 77)], [49406, ...ids, 49407, ...new Array(77 - ids.length - 2).fill(0)]);
  });
}

test('a compact vocabulary keeps the order of ids, and names words that it lacks', () => {
  const texts = ['a red square moving left', 'a blue star growing'];
  const compact = CompactVocabulary.of(tokenizer, texts);
  const full = tokenizer.tokenize(texts, 10);
  const small = compact.tokenize(texts, 10);
  assert.equal([...small].filter((_, i) => full[i] !== 0).map((id) => compact.ids[id]), [...full].filter((id) => id !== 0));
  assert.is(Math.max(...small), compact.vocabSize - 1);
  assert.throws(() => compact.tokenize(['a red zebra growing'], 10), /was not trained with "zebra"/);
  assert.equal([...new CompactVocabulary(tokenizer, compact.ids).tokenize(texts, 10)], [...small]);
});

test.run();
