/** What CLIP's tokenizer is made of, read from files that others wrote, each part of which is looked at first. */
import { FirstlightError } from '../engine/errors.ts';
import { isObject, type JsonObject, parseJson } from '../engine/json.ts';
import { shown, shownValue } from '../engine/shown.ts';
import { cleanText, WORDS } from './text_cleaning.ts';

export const START = '<|startoftext|>';
export const END = '<|endoftext|>';
/** Mark of a token that ends a word. */
const WORD_END = '</w>';
/** Merges that CLIP uses of the file's list. */
const MERGES = 49152 - 256 - 2;

/** Tokens, and merges, that are read: five times CLIP's. */
const MOST_TOKENS = 2 ** 18;
/** Added tokens, each of which texts are searched for. */
const MOST_ADDED = 10_000;
const LONGEST_ADDED = 500;

/** What a tokenizer is made of. */
export interface Vocabulary {
  /** Token → id. Ids count from 0; the end of text has the largest but for those of `added`. */
  readonly vocab: Readonly<Record<string, number>>;
  /** Tokens that were added behind the end of text: texts are cut at them before they are cut into words. */
  readonly added?: readonly AddedToken[];
  /** Two tokens with a space between, first come first merged. */
  readonly merges: readonly string[];
  /** Tokens that a model was trained with, if these are not all. */
  readonly known?: readonly string[];
}

/** A token that stands in texts as it is. */
export interface AddedToken {
  readonly content: string;
  /** Looked for in the cleaned text, itself cleaned; else in the text as it comes. */
  readonly normalized: boolean;
}

/** Of CLIP's list of merges (`bpe_simple_vocab_16e6.txt`): its ids follow from the order of the merges. */
export function vocabularyOfMerges(text: string, source: string): Vocabulary {
  const merges = text.split('\n').slice(1, 1 + MERGES).map((line) => line.trim());
  if (merges.length < MERGES) throw broken(source, `the list has ${merges.length} merges, CLIP's has ${MERGES}`);
  const bytes = byteCharacters();
  const tokens = [...bytes, ...bytes.map((c) => c + WORD_END), ...merges.map((merge) => merge.replace(' ', '')), START,
    END];
  return { vocab: Object.fromEntries(tokens.map((token, id) => [token, id])), merges };
}

/** Of `vocab.json`, `merges.txt` and, if there is one, `added_tokens.json`. */
export function vocabularyOfFiles(vocab: string, merges: string, added: string | undefined,
  source: string): Vocabulary {
  const lines = merges.split('\n').map((line) => line.trim()).filter((line) =>
    line !== '' && !line.startsWith('#version')
  );
  const more = Object.entries(idsOf(added === undefined ? {} : parse(added, source), source)).map((
    [content, id],
  ) => ({ content, id }));
  return withAdded({ vocab: idsOf(parse(vocab, source), source), merges: mergesOf(lines, source) }, more, source);
}

/** Of a `tokenizer.json` and, if there is one, the `tokenizer_config.json` beside it. */
export function vocabularyOfJson(text: string, config: string | undefined, source: string): Vocabulary {
  const { model, added_tokens: listed } = parse(text, source);
  if (!isObject(model) || model.type !== 'BPE' || model.end_of_word_suffix !== WORD_END) {
    throw broken(source, `not a byte-pair tokenizer with "${WORD_END}" at the end of words, as CLIP has it`);
  }
  if (!Array.isArray(model.merges)) throw broken(source, 'the list of merges is missing');
  const vocab = idsOf(model.vocab, source);
  const merges = mergesOf(model.merges, source);
  const added = listOf(listed, 'added_tokens', source).map((token, i) => storedToken(token, i, source));
  const { known_tokens: own } = config === undefined ? {} as JsonObject : parse(config, source);
  const tokens = new Set<unknown>([...Object.keys(vocab), ...added.map(({ content }) => content)]);
  const known = listOf(own, 'known_tokens', source);
  const stray = known.find((token) => !tokens.has(token));
  if (stray !== undefined) {
    throw broken(source, `known_tokens lists ${shownValue(stray)}, which the vocabulary lacks`);
  }
  return withAdded({ vocab, merges, ...(isGiven(own) && { known: known as readonly string[] }) }, added, source);
}

/** Letters of a text that an error quotes. */
export const QUOTED = 80;

/** An error of a file, which it names. */
export function broken(source: string, message: string): FirstlightError {
  return new FirstlightError('FL_TOKENIZER', `${shown(source)}: ${message}`, { source });
}

export const tooMany = (what: string, count: number, most: number) =>
  `has ${count.toLocaleString('en-US')} ${what}, at most ${most.toLocaleString('en-US')} are read`;

/** The object that a file of JSON holds. */
function parse(text: string, source: string): JsonObject {
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (cause) {
    throw broken(source, `not valid JSON: ${shown((cause as Error).message)}`);
  }
  if (!isObject(value)) throw broken(source, `expected an object, got ${shownValue(value)}`);
  return value;
}

const isGiven = (value: unknown) => value !== undefined && value !== null;

/** A list of a file; empty where it is left out. */
function listOf(value: unknown, name: string, source: string): readonly unknown[] {
  if (!isGiven(value)) return [];
  if (!Array.isArray(value)) throw broken(source, `${name} must be a list, got ${shownValue(value)}`);
  return value;
}

/** Merges from outside: two tokens with a space between, or, as newer files have it, a list of two. */
function mergesOf(merges: readonly unknown[], source: string): string[] {
  if (merges.length > MOST_TOKENS) throw broken(source, tooMany('merges', merges.length, MOST_TOKENS));
  return merges.map((merge, i) => {
    const pair = Array.isArray(merge) ? merge : typeof merge === 'string' ? merge.split(' ') : [];
    if (pair.length !== 2 || !pair.every((token) => typeof token === 'string' && token !== '')) {
      throw broken(source, `merge ${i} must be two tokens with a space between, got ${shownValue(merge)}`);
    }
    return pair.join(' ');
  });
}

/** A token as `added_tokens` lists it; those of `added_tokens.json` have nothing but an id. */
interface StoredToken {
  readonly content: string;
  readonly id: number;
  readonly special?: boolean;
  readonly normalized?: boolean;
  readonly single_word?: boolean;
}

const FLAGS = ['special', 'normalized', 'single_word'] as const;

/** Checks one of `added_tokens` from outside. */
function storedToken(value: unknown, place: number, source: string): StoredToken {
  const token: JsonObject = isObject(value) ? value : {};
  const { content, id } = token;
  const isShort = typeof content === 'string' && content.length <= LONGEST_ADDED;
  const areFlags = FLAGS.every((flag) => token[flag] === undefined || typeof token[flag] === 'boolean');
  if (!isShort || typeof id !== 'number' || !areFlags) {
    throw broken(source,
      `added_tokens[${place}] must be an object with a text "content" of up to ${LONGEST_ADDED} letters, a number "id" and flags, got ${
        shownValue(value)
      }`);
  }
  return { ...token, content, id };
}

/** With the tokens that a file lists beside the vocabulary; CLIP's own two are no additions. */
function withAdded({ vocab, merges, known }: Vocabulary, stored: readonly StoredToken[], source: string): Vocabulary {
  const own = stored.filter(({ content }) => content !== START && content !== END);
  if (own.length > MOST_ADDED) throw broken(source, tooMany('added tokens', own.length, MOST_ADDED));
  const whole = own.find(({ single_word: isWord }) => isWord === true);
  if (whole !== undefined) {
    throw broken(source, `the added token "${shown(whole.content)}" has single_word: true, which is not known here`);
  }
  const long = own.find(({ content }) => content.length > LONGEST_ADDED);
  if (long !== undefined) {
    throw broken(source,
      `the added token "${shown(long.content, QUOTED)}" ${tooMany('letters', long.content.length, LONGEST_ADDED)}`);
  }
  // texts are cut at added tokens: at nothing they would be cut everywhere
  const empty = own.find(({ content }) => cleanText(content) === '');
  if (empty !== undefined) throw broken(source, `the added token "${shown(empty.content)}" is no word`);
  // transformers looks for those that are not special in the normalised text, unless the file says otherwise
  const added = own.map(({ content, special = false, normalized = !special }) => ({ content, normalized }));
  const all = { ...vocab, ...Object.fromEntries(stored.map(({ content, id }) => [content, id])) };
  return { vocab: idsOf(all, source), merges, known, added };
}

/** Checks a vocabulary from outside. */
function idsOf(vocab: unknown, source: string): Readonly<Record<string, number>> {
  if (!isObject(vocab)) throw broken(source, 'the vocabulary must be an object of tokens and ids');
  const tokens = Object.entries(vocab);
  if (tokens.length > MOST_TOKENS) throw broken(source, tooMany('tokens', tokens.length, MOST_TOKENS));
  const stray = tokens.find(([, id]) => !Number.isSafeInteger(id));
  if (stray !== undefined) throw broken(source, `the id of "${shown(stray[0])}" is not a whole number`);
  return vocab as Record<string, number>;
}

/** Bytes as printable characters, without cutting: words are cut before. */
export const BYTES = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false };

/** The tokenizer.json that transformers writes for CLIP. */
export function tokenizerJson({ vocab, merges, added = [] }: Vocabulary): Record<string, unknown> {
  const token = (content: string, normalized: boolean, special: boolean) => ({ id: vocab[content], content,
    single_word: false, lstrip: false, rstrip: false, normalized, special });
  const words = added.length === 0
    ? vocab
    : Object.fromEntries(Object.entries(vocab).filter(([, id]) => id <= vocab[END]));
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: [token(START, false, true), token(END, false, true),
      ...added.map(({ content, normalized }) => token(content, normalized, false))],
    normalizer: { type: 'Sequence',
      normalizers: [{ type: 'NFC' }, { type: 'Replace', pattern: { Regex: '\\s+' }, content: ' ' }, {
        type: 'Lowercase',
      }] },
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [{ type: 'Split', pattern: { Regex: WORDS.source.replace('[^ ', '[^\\s') }, behavior: 'Removed',
        invert: true }, BYTES],
    },
    post_processor: { type: 'RobertaProcessing', sep: [END, vocab[END]], cls: [START, vocab[START]],
      trim_offsets: false, add_prefix_space: false },
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: { type: 'BPE', dropout: null, unk_token: END, continuing_subword_prefix: '', end_of_word_suffix: WORD_END,
      fuse_unk: false, byte_fallback: false, vocab: words, merges },
  };
}

/**
 * A printable character for each byte: itself where it is one, else the next of those from U+0100 on. In CLIP's order.
 */
function byteCharacters(): string[] {
  const printable: number[] = [];
  for (const [from, to] of [[0x21, 0x7e], [0xa1, 0xac], [0xae, 0xff]]) {
    for (let byte = from; byte <= to; byte++) printable.push(byte);
  }
  const others = Array.from({ length: 256 }, (_, byte) => byte).filter((byte) => !printable.includes(byte));
  return [...printable.map((byte) => String.fromCharCode(byte)),
    ...others.map((_, i) => String.fromCharCode(0x100 + i))];
}
