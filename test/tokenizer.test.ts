import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { FirstlightError } from '../engine/errors.ts';
import { cleanText } from '../model/text_cleaning.ts';
import { Cuts } from '../model/cuts.ts';
import { ClipTokenizer } from '../model/tokenizer.ts';
import { clipTokenizer } from '../model/tokenizer.node.ts';
import { diskFolder } from '../model/checkpoint/folder.node.ts';
import { readTokenizer } from '../model/checkpoint/tokenizer_files.ts';

interface Case {
  readonly text: string;
  readonly ids: readonly number[];
  readonly padded77_len?: number;
}

const { cases } = JSON.parse(readFileSync(new URL('./fixtures/xclip/tokenizer.json', import.meta.url), 'utf8')) as {
  cases: Case[];
};
const tokenizer = await clipTokenizer();

test("the vocabulary is CLIP's", () => {
  assert.is(tokenizer.vocabSize, 49408);
  assert.equal([tokenizer.start, tokenizer.end], [49406, 49407]);
});

for (const { text, ids, padded77_len } of cases) {
  test(`${JSON.stringify(text.slice(0, 60))} has the reference's ids`, () => {
    assert.equal(tokenizer.encode(text), ids);
    if (padded77_len === undefined) {
      assert.throwsWith(() => tokenizer.tokenize([text], 77), /makes \d+ tokens, the context holds 77/);
    } else {
      const length = Math.max(9, padded77_len);
      const row = Int32Array.from({ length }, (_, i) => [49406, ...ids, 49407][i] ?? 0);
      assert.equal(tokenizer.tokenize([text], 77), { ids: row, length });
    }
  });
}

const CLEANED: readonly (readonly [what: string, text: string, cleaned: string])[] = [
  ['misread quotes', 'â€œquotedâ€\u009d', '"quoted"'],
  ['misread twice', 'cafÃƒÂ©', 'café'],
  ['misread among other scripts', '日本 Ã©', '日本 é'],
  ['a misread emoji', 'ðŸ˜‚ lol', '😂 lol'],
  ['real text that would be Korean', 'Charlotte Brontë…”', 'charlotte brontë…"'],
  ['real capitals before a dash', 'CAFÉ—BAR', 'café—bar'],
  ['ligatures', 'oﬃce ﬁsh ŉ', "office fish 'n"],
  ['full-width forms', 'ＡＢＣ　１２３！', 'abc 123!'],
  ['Latin-1 control characters', 'wait\u0085 don\u0092t', "wait… don't"],
  ['terminal colours', '\u001b[36;44mblue\u001b[0m', 'blue'],
  ['entities, as deep as they are', '&amp;amp;amp;amp; &eacute;', '& é'],
  ['entities beside markup: twice, as CLIP does', '<b>&amp;amp;amp;amp;</b>', '<b>&amp;amp;</b>'],
  ['a lone surrogate', 'a\ud800b', 'a\ufffdb'],
];

for (const [what, text, cleaned] of CLEANED) test(`cleaning: ${what}`, () => assert.is(cleanText(text), cleaned));

test('a text without end is refused before its words are looked at', () => {
  for (const text of ['true'.repeat(2 ** 18), '9'.repeat(8193)]) {
    assert.throwsWith(() => tokenizer.tokenize([text], 77), /^".{79,81}" has [\d,]+ letters, at most 8,192 are read$/, {
      code: 'FL_TEXT_TOO_LONG',
    });
  }
  assert.is(tokenizer.encode('9'.repeat(8192)).length, 8192, 'so many are read');
});

test('special tokens count where a word may start, not inside of punctuation', () => {
  assert.equal(tokenizer.encode('a <|startoftext|>'), [320, 49406]);
  assert.is(tokenizer.encode('!<|endoftext|>').includes(49407), false);
});

test('a vocabulary survives its files, which the library alone reads as well', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'firstlight-tokenizer-'));
  const texts = ["a man is playing the cello, isn't he?", 'naïve café 42'];
  try {
    assert.is(await readTokenizer(diskFolder(folder)), undefined);
    const files = tokenizer.files(77);
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
    const again = await readTokenizer(diskFolder(folder));
    const library = new Tokenizer(JSON.parse(files['tokenizer.json']), {});
    for (const text of texts) {
      assert.equal(again?.encode(text), tokenizer.encode(text));
      assert.equal(library.encode(text).ids, [49406, ...tokenizer.encode(text), 49407]);
    }
    await rm(join(folder, 'tokenizer.json'));
    const { model } = JSON.parse(files['tokenizer.json']) as { model: { vocab: object; merges: string[] } };
    await writeFile(join(folder, 'vocab.json'), JSON.stringify(model.vocab));
    await writeFile(join(folder, 'merges.txt'), `#version: 0.2\n${model.merges.join('\n')}\n`);
    const older = await readTokenizer(diskFolder(folder));
    for (const text of texts) assert.equal(older?.encode(text), tokenizer.encode(text));
  } finally {
    await rm(folder, { recursive: true });
  }
});

const TEXTS = ['a red square moving left', 'a blue star growing', 'bluestar, 42 redsquares!'];

test('a compact vocabulary gives the same tokens in fewer ids, the end of text last, and survives its files', () => {
  const { tokenizer: compact, fullIds } = tokenizer.compact(TEXTS);
  assert.ok(compact.vocabSize < 150, `${compact.vocabSize}`);
  assert.is(compact.end, compact.vocabSize - 1);
  assert.equal([...fullIds], [...fullIds].sort((a, b) => a - b));
  const files = compact.files(16);
  const again = ClipTokenizer.fromJson(files['tokenizer.json'], files['tokenizer_config.json'], 'files');
  for (const small of [compact, again]) {
    for (const text of TEXTS) assert.equal(small.encode(text).map((id) => fullIds[id]), tokenizer.encode(text));
  }
  const { ids: row } = compact.tokenize(['a red star'], 16);
  assert.is(row.indexOf(row.reduce((a, b) => Math.max(a, b))), 4);
});

test('words that a compact vocabulary was not made for are refused by name, even when their parts are there', () => {
  const { tokenizer: compact } = tokenizer.compact(TEXTS);
  assert.throwsWith(() => compact.encode('a red zebra, a wombat'),
    /"a red zebra, a wombat": this model was not trained with "zebra", "wombat"/);
  assert.throwsWith(() => compact.encode('mov'), /not trained with "mov"/);
  const many = Array.from({ length: 21 }, (_, i) => 'z'.repeat(i + 1));
  const { message } = assert.throwsWith(() => compact.encode([...many, 'z'].join(' ')), FirstlightError);
  assert.is(message.split('", "').length, 20, 'the first 20 of them, each once');
  assert.throwsWith(() => compact.encode('смотри'), /not trained with "смотри"/);
});

test('a text that the context has no room for is refused with both numbers, learned vectors among them', () => {
  assert.is(tokenizer.tokenize(['a'], 3).length, 3);
  assert.is(tokenizer.tokenize(['a'], 7, 4).length, 3);
  for (const [context, vectors, held] of [[2, 0, 'the context holds 2'], [6, 4,
    'the context holds 6, of which 4 are learned vectors'], [3, 1,
    'the context holds 3, of which 1 are learned vectors']] as const) {
    assert.is(assert.throwsWith(() => tokenizer.tokenize(['a'], context, vectors), FirstlightError).message,
      `"a" makes 3 tokens, ${held}`);
  }
});

test("vocabularies that are not CLIP's are refused, with the file's name", () => {
  const json = (model: object, added: object[] = []) =>
    JSON.stringify({ model: { type: 'BPE', end_of_word_suffix: '</w>', merges: [], vocab: {}, ...model },
      added_tokens: added });
  const ends = { '<|startoftext|>': 0, '<|endoftext|>': 1 };
  assert.throwsWith(() => ClipTokenizer.fromJson('{', undefined, 'x/tokenizer.json'),
    /x\/tokenizer\.json: not valid JSON/);
  assert.throwsWith(() => ClipTokenizer.fromJson('null', undefined, 'x'), /x: expected an object, got null/);
  assert.throwsWith(() => ClipTokenizer.fromJson('{}', undefined, 'x'), /x: not a byte-pair tokenizer/);
  assert.throwsWith(() => ClipTokenizer.fromJson(json({ type: 'WordPiece' }), undefined, 'x'),
    /x: not a byte-pair tokenizer/);
  assert.throwsWith(() => ClipTokenizer.fromJson(json({}), undefined, 'x'), /lacks <\|startoftext\|> or/);
  assert.throwsWith(() => ClipTokenizer.fromJson(json({ vocab: { ...ends, a: 3 } }), undefined, 'x'),
    /ids must count from 0/);
  assert.throwsWith(() => ClipTokenizer.fromJson(json({ vocab: { ...ends, a: 2 } }), undefined, 'x'),
    /must have the largest id, 2, it has 1/);
  assert.throwsWith(() => ClipTokenizer.fromJson(json({ vocab: { ...ends, a: '2' } }), undefined, 'x'),
    /the id of "a" is not a whole number/);
  assert.throwsWith(() => ClipTokenizer.fromJson(json({ vocab: ends }), '{"known_tokens":["b"]}', 'x'),
    /known_tokens lists "b"/);
  assert.throwsWith(() => ClipTokenizer.fromMerges('#version\na b\n', 'm.txt'), /m\.txt: the list has/);
});

test('a text is cut at added tokens, the longest that fits first, and never within a character', () => {
  const cuts = new Cuts(['ab', 'abc', 'c', '🙂', 'bb', 'a']);
  assert.equal(cuts.cut('xabcabb🙂c'), ['x', 'abc', '', 'ab', 'b', '🙂', '', 'c', '']);
  assert.equal(cuts.cut(''), ['']);
  assert.equal(new Cuts([]).cut('abc'), ['abc']);
  assert.equal(new Cuts(['ab']).cut('🙂ab🙂🙂ab'), ['🙂', 'ab', '🙂🙂', 'ab', '']);
  const half = new Cuts(['\ude42']);
  assert.equal(half.cut('🙂'), ['🙂']);
  assert.equal([0, 1, 2].map(Cuts.isCut), [false, true, false]);
});

test('ten thousand added tokens are found in a text, and one that is too long is refused by name', () => {
  const ends = { '<|startoftext|>': 0, '<|endoftext|>': 1 };
  const added = Array.from({ length: 10_000 }, (_, i) => `<place number ${i} of ten thousand>`);
  const of = (tokens: readonly string[]) =>
    ClipTokenizer.fromVocabulary(JSON.stringify(ends), '',
      JSON.stringify(Object.fromEntries(tokens.map((token, i) => [token, i + 2]))), 'x');
  assert.equal(of(added).encode(added[9_876] + added[3]), [9_878, 5]);
  assert.throwsWith(() => of(['b'.repeat(501)]), /x: the added token "b+…b+" has 501 letters, at most 500 are read/);
});

test.run();
