import { gzipSync } from 'node:zlib';
import { clipTokenizer } from '../../../model/tokenizer.node.ts';
import { diskFolder } from '../../../model/checkpoint/folder.node.ts';
import { readTokenizer } from '../../../model/checkpoint/tokenizer_files.ts';
import { ClipTokenizer } from '../../../model/tokenizer.ts';
import { separateNames } from '../../../train/cli/names.ts';
import { anyBytes, drawnBy, lengthOf, oneIn, pick } from '../bytes.ts';
import { at, written } from '../folder.ts';
import { holds, type Reader } from '../reader.ts';
import { anyJson, bytesOf, mutatedText, piece } from '../texts.ts';

const whole = await clipTokenizer();
const { tokenizer } = whole.compact(['a red square', 'a star']);
const files = tokenizer.files(77);
const json = JSON.parse(files['tokenizer.json']) as {
  model: { type: string; end_of_word_suffix: string; vocab: Record<string, number>; merges: string[] };
  added_tokens: object[];
};
const { type, end_of_word_suffix: suffix, vocab, merges: pairs } = json.model;
const plain = { model: { type, end_of_word_suffix: suffix, vocab, merges: pairs }, added_tokens: json.added_tokens };
const withAdded = { ...plain,
  added_tokens: [...json.added_tokens, { id: tokenizer.vocabSize, content: 'snow', special: false,
    normalized: true }] };
const config = JSON.parse(files['tokenizer_config.json']) as object;
/** Start and end of a text. */
const ENDS = ['<|startoftext|>', '<|endoftext|>'];
const without = (from: Readonly<Record<string, number>>, name: string) =>
  Object.fromEntries(Object.entries(from).filter(([own]) => own !== name));
/** Merges of letters of `a red star`, which make tokens that the vocabulary lacks. */
const ODD_PAIRS = ['s t', 't a', 'a r</w>', 'r e', 'e d</w>'].filter((pair) =>
  vocab[pair.replace(' ', '')] === undefined
);
const withModel = (wrong: object) => bytesOf(JSON.stringify({ model: { ...plain.model, ...wrong }, added_tokens: [] }));
const merges = json.model.merges.map((merge) => (Array.isArray(merge) ? merge.join(' ') : merge));

/** That it makes tokens of a text that it has. */
function check(own: ClipTokenizer): void {
  holds(own.start < own.vocabSize && own.end < own.vocabSize && own.start !== own.end, 'start and end');
  const { ids, length } = own.tokenize(['a red star'], 77);
  holds(ids.length === length && ids[0] === own.start && ids.includes(own.end), 'a text without start and end');
  holds(ids.every((id) => id >= 0 && id < own.vocabSize), `ids ${ids.join(' ')} of ${own.vocabSize}`);
}

const REASONS = ['not valid JSON', 'expected an object'];

export const tokenizerJson: Reader = {
  name: 'tokenizer',
  reasons: [...REASONS, 'not a byte-pair tokenizer', 'the list of merges is missing', 'merge', 'added_tokens',
    'the vocabulary lacks', 'ids must count from 0', 'must have the largest id', 'was not trained with'],
  draw: (random) => drawnBy(random, anyJson([plain, withAdded, withAdded, vocab])),
  aimed: {
    'the list of merges is missing': (random) => withModel({ merges: pick(random, [null, 3, 'a b', {}]) }),
    'the vocabulary lacks': (random) => withModel({ vocab: without(vocab, pick(random, ENDS)) }),
    'ids must count from 0': (random) =>
      withModel({ vocab: { ...vocab, gap: tokenizer.vocabSize + 1 + random.below(9) } }),
    'must have the largest id': (random) => {
      const other = pick(random, Object.keys(vocab).filter((token) => !ENDS.includes(token)));
      return withModel({ vocab: { ...vocab, [ENDS[1]]: vocab[other], [other]: vocab[ENDS[1]] } });
    },
    'was not trained with': (random) => withModel({ merges: [pick(random, ODD_PAIRS), ...pairs] }),
  },
  read: (bytes) => check(ClipTokenizer.fromJson(Buffer.from(bytes).toString(), undefined, 'tokenizer.json')),
};

export const tokenizerConfig: Reader = {
  name: 'tokenizer config',
  reasons: [...REASONS, 'known_tokens'],
  draw: (random) => drawnBy(random, anyJson([config])),
  read: (bytes) =>
    check(ClipTokenizer.fromJson(files['tokenizer.json'], Buffer.from(bytes).toString(), 'tokenizer.json')),
};

export const vocabulary: Reader = {
  name: 'vocabulary',
  reasons: [...REASONS, 'ids must count from 0', 'the vocabulary lacks', 'is not a whole number',
    'was not trained with'],
  draw: (random) => drawnBy(random, anyJson([json.model.vocab])),
  read: (bytes) =>
    check(ClipTokenizer.fromVocabulary(Buffer.from(bytes).toString(), merges.join('\n'), undefined, 'vocab.json')),
};

export const mergeList: Reader = {
  name: 'merges',
  reasons: ['must be two tokens'],
  draw: (random) =>
    drawnBy(random, [...anyBytes([bytesOf(merges.join('\n'))]), [5, () =>
      bytesOf(mutatedText(random, `#version: 0.2\n${merges.join('\n')}`))]]),
  async read(bytes) {
    written('words/vocab.json', JSON.stringify(json.model.vocab));
    written('words/merges.txt', bytes);
    const own = await readTokenizer(diskFolder(at('words')));
    holds(own !== undefined, 'two files make no tokenizer');
    if (own !== undefined) check(own);
  },
};

export const added: Reader = {
  name: 'added tokens',
  reasons: [...REASONS, 'ids must count from 0', 'is not a whole number', 'is no word'],
  draw: (random) =>
    drawnBy(random,
      anyJson([{ snow: tokenizer.vocabSize }, { snow: tokenizer.vocabSize, sun: tokenizer.vocabSize + 1 }])),
  read: (bytes) =>
    check(
      ClipTokenizer.fromVocabulary(JSON.stringify(json.model.vocab), merges.join('\n'), Buffer.from(bytes).toString(),
        'vocab.json'),
    ),
};

const packed = gzipSync('#version: 0.2\na b\n');

export const packedMerges: Reader = {
  name: 'packed merges',
  reasons: ['cannot be unpacked', 'merges, CLIP'],
  draw: (random) =>
    drawnBy(random, [...anyBytes([packed]), [3, () =>
      gzipSync(mutatedText(random, 'a b\n'.repeat(lengthOf(random, 1000))))], ...(oneIn(random, 300)
        ? [[5, () => gzipSync(Buffer.alloc(2 ** 25))] as const]
        : [])]),
  async read(bytes) {
    written('packed/bpe_simple_vocab_16e6.txt.gz', bytes);
    check(await clipTokenizer(at('packed')));
  },
};

export const text: Reader = {
  name: 'text',
  reasons: ['makes', 'letters, at most', 'at least two names', 'control characters', 'stands there twice',
    'a comma after'],
  draw: (random) =>
    drawnBy(random, [...anyBytes([bytesOf('a photo of a cat, a dog')], 256), [5, () =>
      bytesOf(
        Array.from({ length: lengthOf(random, 40) }, () => (oneIn(random, 2) ? 'a cat, ' : piece(random))).join(''),
      )]]),
  aimed: { 'letters, at most': (random) => bytesOf('word '.repeat(2000 + random.below(100))) },
  read(bytes) {
    const own = Buffer.from(bytes).toString();
    const { ids } = whole.tokenize([own], 77);
    holds(ids.every((id) => id >= 0 && id < whole.vocabSize), `ids ${ids.join(' ')}`);
    holds(separateNames(own).every((name) => !/[\0-\u001f\u007f]/.test(name)), 'a name with control characters');
  },
};
