/**
 * CLIP's byte-pair tokenizer. Radford et al. 2021, arXiv:2103.00020, section 2.4; Sennrich et al. 2016,
 * arXiv:1508.07909.
 */
import { Tokenizer } from '@huggingface/tokenizers';
import { FirstlightError } from '../engine/errors.ts';
import { isObject, type JsonObject, parseJson } from '../engine/json.ts';
import { shown, shownValue } from '../engine/shown.ts';
import { Cuts } from './cuts.ts';
import { cleanText, WORDS } from './text_cleaning.ts';

const START = '<|startoftext|>';
const END = '<|endoftext|>';
/** Mark of a token that ends a word. */
const WORD_END = '</w>';
/** Merges that CLIP uses of the file's list. */
const MERGES = 49152 - 256 - 2;

/** Tokens, and merges, that are read: five times CLIP's. */
const MOST_TOKENS = 2 ** 18;
/** Added tokens, each of which texts are searched for. */
const MOST_ADDED = 10_000;
const LONGEST_ADDED = 500;
/** Letters of a text: a hundred times what fits the context of any model. */
const MOST_LETTERS = 2 ** 13;

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

/** Ids of K texts, cut behind the longest one. */
export interface TokenRows {
  /** [K, length], row by row. */
  readonly ids: Int32Array;
  /** Tokens of the longest text, start and end included, or `SHORTEST`. */
  readonly length: number;
}

/**
 * Texts are not cut shorter than this. Attention takes rows of 8 keys and fewer another way, which rounds otherwise; so
 * a name of two words would not have the same bits alone and among longer ones.
 */
const SHORTEST = 9;

/** A token that stands in texts as it is. */
export interface AddedToken {
  readonly content: string;
  /** Looked for in the cleaned text, itself cleaned; else in the text as it comes. */
  readonly normalized: boolean;
}

/** CLIP's tokenizer with its vocabulary of 49,408, with tokens added to it, or with a part of it. */
export class ClipTokenizer {
  readonly #vocabulary: Vocabulary;
  /** Made when the first word is encoded: many a checkpoint is read whose texts are known. */
  #tokenizer: Tokenizer | undefined;
  /** `tokenizer.json`, once it was asked for: every checkpoint has it. */
  #json: string | undefined;
  /** Undefined where the model knows all tokens. */
  readonly #known: ReadonlySet<number> | undefined;
  /** Where texts are cut, as they come and cleaned, and the ids that stand there. */
  readonly #cuts: { readonly raw: Cuts; readonly cleaned: Cuts; readonly ids: ReadonlyMap<string, number> };
  readonly start: number;
  readonly end: number;
  readonly vocabSize: number;

  /** @param source what errors call the vocabulary */
  constructor(vocabulary: Vocabulary, source: string) {
    const { vocab, known, added = [] } = vocabulary;
    const ids = Object.values(vocab).sort((a, b) => a - b);
    if (!(Object.hasOwn(vocab, START) && Object.hasOwn(vocab, END))) {
      throw broken(source, `the vocabulary lacks ${START} or ${END}: it is not one of CLIP's`);
    }
    if (ids.some((id, i) => id !== i)) throw broken(source, 'ids must count from 0 without gaps');
    const behind = added.filter(({ content }) => vocab[content] > vocab[END]).length;
    const last = ids.length - 1 - behind;
    if (vocab[END] !== last) {
      throw broken(source,
        `${END} must have the largest id${behind === 0 ? '' : ' of those that were not added'}, ${last}, it has ${
          vocab[END]
        }`);
    }
    const cutAt = (normalized: boolean) =>
      added.filter((token) => token.normalized === normalized).map(({ content }) =>
        normalized ? cleanText(content) : content
      );
    this.#cuts = { raw: new Cuts(cutAt(false)), cleaned: new Cuts(cutAt(true)), ids: new Map(
      added.flatMap(({ content, normalized }) => [[normalized ? cleanText(content) : content, vocab[content]]]),
    ) };
    this.#vocabulary = vocabulary;
    this.#known = known && new Set(known.map((token) => vocab[token]));
    this.start = vocab[START];
    this.end = vocab[END];
    this.vocabSize = ids.length;
  }

  /** From CLIP's list of merges (`bpe_simple_vocab_16e6.txt`): its ids follow from the order of the merges. */
  static fromMerges(text: string, source: string): ClipTokenizer {
    const merges = text.split('\n').slice(1, 1 + MERGES).map((line) => line.trim());
    if (merges.length < MERGES) throw broken(source, `the list has ${merges.length} merges, CLIP's has ${MERGES}`);
    const bytes = byteCharacters();
    const tokens = [...bytes, ...bytes.map((c) => c + WORD_END), ...merges.map((merge) => merge.replace(' ', '')),
      START, END];
    return new ClipTokenizer({ vocab: Object.fromEntries(tokens.map((token, id) => [token, id])), merges }, source);
  }

  /**
   * From the texts of the two files of older checkpoints, `vocab.json` and `merges.txt`.
   *
   * @param added the text of the `added_tokens.json` beside them, if there is one
   */
  static fromVocabulary(vocab: string, merges: string, added: string | undefined, source: string): ClipTokenizer {
    const lines = merges.split('\n').map((line) => line.trim()).filter((line) =>
      line !== '' && !line.startsWith('#version')
    );
    const more = Object.entries(idsOf(added === undefined ? {} : parse(added, source), source)).map((
      [content, id],
    ) => ({ content, id }));
    return withAdded({ vocab: idsOf(parse(vocab, source), source), merges: mergesOf(lines, source) }, more, source);
  }

  /**
   * From the text of a `tokenizer.json`. Its vocabulary and merges count; texts are cleaned and cut as CLIP does, which
   * the file can describe in part only.
   *
   * @param config the text of the `tokenizer_config.json` beside it, if there is one
   */
  static fromJson(text: string, config: string | undefined, source: string): ClipTokenizer {
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

  /** Ids of a text, without start and end. Words that the model was not trained with are an error that names them. */
  encode(text: string): number[] {
    if (text.length > MOST_LETTERS) {
      throw new FirstlightError('FL_TEXT_TOO_LONG',
        `"${shown(text, QUOTED)}" ${tooMany('letters', text.length, MOST_LETTERS)}`, { length: text.length },
        'shorten the text: nothing is cut off in silence');
    }
    const unknown: string[] = [];
    const { raw, cleaned, ids: added } = this.#cuts;
    const pieces = raw.cut(text).flatMap((piece, i) => (Cuts.isCut(i) ? [piece] : cleaned.cut(cleanText(piece))));
    const ids = pieces.flatMap((piece) => (added.has(piece) ? [piece] : (piece.match(WORDS) ?? []))).flatMap((word) => {
      const token = added.get(word);
      if (token !== undefined) return token;
      if (word === START) return this.start;
      if (word === END) return this.end;
      const own: number[] = this.#encoder().encode(word, { add_special_tokens: false }).ids;
      // the library writes the end of text for what the vocabulary lacks
      if (own.some((id) => id === this.end || this.#known?.has(id) === false)) unknown.push(word);
      return own;
    });
    if (unknown.length > 0) {
      throw new FirstlightError('FL_UNKNOWN_WORDS',
        `"${shown(text, QUOTED)}": this model was not trained with ${
          [...new Set(unknown)].slice(0, 20).map((word) => `"${shown(word, QUOTED)}"`).join(', ')
        }`, {
        unknown,
      }, 'use words that occur in its training labels');
    }
    return ids;
  }

  #encoder(): Tokenizer {
    return (this.#tokenizer ??= new Tokenizer({ ...tokenizerJson(this.#vocabulary), normalizer: null, added_tokens: [],
      pre_tokenizer: BYTES }, {}));
  }

  /**
   * Start of text, ids and end of text, then zeros up to the longest text. A text that does not fit `context` is an
   * error. A text tower is causal, and a feature is taken from the end of its text, so what stands behind it changes
   * no feature: there is as little of it as texts in one tensor need, and not the 77 that CLIP pads to.
   *
   * @param vectors places of the context that learned vectors take in front of each text
   */
  tokenize(texts: readonly string[], context: number, vectors = 0): TokenRows {
    const room = context - vectors;
    const rows = texts.map((text) => {
      const row = [this.start, ...this.encode(text), this.end];
      if (row.length > room) {
        throw new FirstlightError('FL_TEXT_TOO_LONG',
          `"${shown(text, QUOTED)}" makes ${row.length} tokens, the context holds ${context}${
            vectors === 0 ? '' : `, of which ${vectors} are learned vectors`
          }`, { length: row.length, context, vectors }, 'shorten the text: nothing is cut off in silence');
      }
      return row;
    });
    const length = rows.reduce((longest, row) => Math.max(longest, row.length), Math.min(SHORTEST, room));
    const ids = new Int32Array(rows.length * length);
    rows.forEach((row, k) => ids.set(row, k * length));
    return { ids, length };
  }

  /**
   * The tokenizer of a tiny model: only the tokens that these texts need, and those that merge into them, renumbered in
   * their order. It gives the same tokens for these texts, and refuses words that are made of others.
   */
  compact(texts: readonly string[]): CompactTokenizer {
    const { vocab, merges, added } = this.#vocabulary;
    const tokenOf = new Map(Object.entries(vocab).map(([token, id]) => [id, token]));
    const known = [...new Set(texts.flatMap((text) => this.encode(text)))].map((id) => tokenOf.get(id) as string);
    const mergeOf = new Map(merges.map((merge) => [merge.replace(' ', ''), merge]));
    const needed = new Set([START, END]);
    const pending = [...known];
    for (let token = pending.pop(); token !== undefined; token = pending.pop()) {
      if (needed.has(token)) continue;
      needed.add(token);
      pending.push(...(mergeOf.get(token)?.split(' ') ?? []));
    }
    const tokens = [...needed].sort((a, b) => vocab[a] - vocab[b]);
    const ids = Object.fromEntries(tokens.map((token, id) => [token, id]));
    const used = merges.filter((merge) => needed.has(merge.replace(' ', '')));
    const more = added?.filter(({ content }) => needed.has(content));
    return { tokenizer: new ClipTokenizer({ vocab: ids, merges: used, known, added: more }, 'compact vocabulary'),
      fullIds: Int32Array.from(tokens, (token) => vocab[token]) };
  }

  /** The files of a checkpoint folder that make this tokenizer again, here and in transformers. */
  files(context: number): Readonly<Record<'tokenizer.json' | 'tokenizer_config.json', string>> {
    const { known } = this.#vocabulary;
    const config = { tokenizer_class: 'CLIPTokenizer', model_max_length: context, bos_token: START, eos_token: END,
      unk_token: END, pad_token: END, ...(known && { known_tokens: known }) };
    this.#json ??= JSON.stringify(tokenizerJson(this.#vocabulary));
    return { 'tokenizer.json': this.#json, 'tokenizer_config.json': `${JSON.stringify(config, null, 2)}\n` };
  }
}

/** A tokenizer with few tokens. */
export interface CompactTokenizer {
  readonly tokenizer: ClipTokenizer;
  /** The full vocabulary's id of each of its ids, for rows of a token table; rising. */
  readonly fullIds: Int32Array;
}

function broken(source: string, message: string): FirstlightError {
  return new FirstlightError('FL_TOKENIZER', `${shown(source)}: ${message}`, { source });
}

const tooMany = (what: string, count: number, most: number) =>
  `has ${count.toLocaleString('en-US')} ${what}, at most ${most.toLocaleString('en-US')} are read`;

/** Letters of a text that an error quotes. */
const QUOTED = 80;

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

/** A tokenizer with the tokens that a file lists beside the vocabulary; CLIP's own two are no additions. */
function withAdded({ vocab, merges, known }: Vocabulary, stored: readonly StoredToken[],
  source: string): ClipTokenizer {
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
  return new ClipTokenizer({ vocab: idsOf(all, source), merges, known, added }, source);
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
const BYTES = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false };

/** The tokenizer.json that transformers writes for CLIP. */
function tokenizerJson({ vocab, merges, added = [] }: Vocabulary): Record<string, unknown> {
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
