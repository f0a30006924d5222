/**
 * CLIP's byte-pair tokenizer. Radford et al. 2021, arXiv:2103.00020, section 2.4; Sennrich et al. 2016,
 * arXiv:1508.07909.
 */
import { Tokenizer } from '@huggingface/tokenizers';
import { FirstlightError } from '../engine/errors.ts';
import { WORDS, wordsOf } from './text_cleaning.ts';

const START = '<|startoftext|>';
const END = '<|endoftext|>';
/** Mark of a token that ends a word. */
const WORD_END = '</w>';
/** Merges that CLIP uses of the file's list. */
const MERGES = 49152 - 256 - 2;

/** What a tokenizer is made of. */
export interface Vocabulary {
  /** Token → id. Ids count from 0; the end of text has the largest, for the text tower looks for that. */
  readonly vocab: Readonly<Record<string, number>>;
  /** Two tokens with a space between, first come first merged. */
  readonly merges: readonly string[];
  /** Tokens that a model was trained with, if these are not all. */
  readonly known?: readonly string[];
}

/** CLIP's tokenizer with its vocabulary of 49,408, or with a part of it. */
export class ClipTokenizer {
  readonly #vocabulary: Vocabulary;
  readonly #tokenizer: Tokenizer;
  readonly #tokens: ReadonlyMap<number, string>;
  readonly #known: ReadonlySet<number>;
  readonly start: number;
  readonly end: number;
  readonly vocabSize: number;

  /** @param source what errors call the vocabulary */
  constructor(vocabulary: Vocabulary, source: string) {
    const { vocab, known } = vocabulary;
    const ids = Object.values(vocab).sort((a, b) => a - b);
    if (!(Object.hasOwn(vocab, START) && Object.hasOwn(vocab, END))) {
      throw broken(source, `the vocabulary lacks ${START} or ${END}: it is not one of CLIP's`);
    }
    if (ids.some((id, i) => id !== i)) throw broken(source, 'ids must count from 0 without gaps');
    if (vocab[END] !== ids.length - 1) {
      throw broken(source, `${END} must have the largest id, ${ids.length - 1}, it has ${vocab[END]}`);
    }
    this.#vocabulary = vocabulary;
    this.#tokenizer = new Tokenizer({ ...tokenizerJson(vocabulary), normalizer: null, added_tokens: [],
      pre_tokenizer: BYTES }, {});
    this.#tokens = new Map(Object.entries(vocab).map(([token, id]) => [id, token]));
    this.#known = new Set(known?.map((token) => vocab[token]) ?? ids);
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

  /** From the texts of the two files of older checkpoints, `vocab.json` and `merges.txt`. */
  static fromVocabulary(vocab: string, merges: string, source: string): ClipTokenizer {
    const lines = merges.split('\n').map((line) => line.trim()).filter((line) =>
      line !== '' && !line.startsWith('#version')
    );
    return new ClipTokenizer({ vocab: idsOf(parse(vocab, source), source), merges: lines }, source);
  }

  /**
   * From the text of a `tokenizer.json`. Its vocabulary and merges count; texts are cleaned and cut as CLIP does, which
   * the file can describe in part only.
   *
   * @param config the text of the `tokenizer_config.json` beside it, if there is one
   */
  static fromJson(text: string, config: string | undefined, source: string): ClipTokenizer {
    const { model, added_tokens: added } = parse(text, source) as { model?: Record<string, unknown>;
      added_tokens?: { content: string; id: number; }[] };
    if (model?.type !== 'BPE' || model.end_of_word_suffix !== WORD_END) {
      throw broken(source, `not a byte-pair tokenizer with "${WORD_END}" at the end of words, as CLIP has it`);
    }
    if (!Array.isArray(model.merges)) throw broken(source, 'the list of merges is missing');
    const vocab = { ...idsOf(model.vocab, source),
      ...Object.fromEntries((added ?? []).map(({ content, id }) => [content, id])) };
    const merges = model.merges.map((merge: unknown) => (Array.isArray(merge) ? merge.join(' ') : String(merge)));
    const { known_tokens: known } = (config === undefined ? {} : parse(config, source)) as { known_tokens?: string[] };
    const stray = known?.find((token) => !Object.hasOwn(vocab, token));
    if (stray !== undefined) throw broken(source, `known_tokens lists "${stray}", which the vocabulary lacks`);
    return new ClipTokenizer({ vocab, merges, known }, source);
  }

  /** Ids of a text, without start and end. Words that the model was not trained with are an error that names them. */
  encode(text: string): number[] {
    const unknown: string[] = [];
    const ids = wordsOf(text).flatMap((word) => {
      if (word === START) return this.start;
      if (word === END) return this.end;
      const own: number[] = this.#tokenizer.encode(word, { add_special_tokens: false }).ids;
      // the library writes the end of text for what the vocabulary lacks
      if (own.some((id) => id === this.end || !this.#known.has(id))) unknown.push(word);
      return own;
    });
    if (unknown.length > 0) {
      throw new FirstlightError('FL_UNKNOWN_WORDS',
        `"${shorten(text)}": this model was not trained with ${unknown.map((word) => `"${word}"`).join(', ')}`, {
        unknown,
      }, 'use words that occur in its training labels');
    }
    return ids;
  }

  /** [K · context] ids, row by row: start of text, ids, end of text, zeros. A text that does not fit is an error. */
  tokenize(texts: readonly string[], context: number): Int32Array {
    const ids = new Int32Array(texts.length * context);
    texts.forEach((text, k) => {
      const row = [this.start, ...this.encode(text), this.end];
      if (row.length > context) {
        throw new FirstlightError('FL_TEXT_TOO_LONG',
          `"${shorten(text)}" makes ${row.length} tokens, the context holds ${context}`, { length: row.length,
          context }, 'shorten the text: nothing is cut off in silence');
      }
      ids.set(row, k * context);
    });
    return ids;
  }

  /**
   * The tokenizer of a tiny model: only the tokens that these texts need, and those that merge into them, renumbered in
   * their order. It gives the same tokens for these texts, and refuses words that are made of others.
   */
  compact(texts: readonly string[]): CompactTokenizer {
    const { vocab, merges } = this.#vocabulary;
    const known = [...new Set(texts.flatMap((text) => this.encode(text)))].map((id) => this.#tokens.get(id) as string);
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
    return { tokenizer: new ClipTokenizer({ vocab: ids, merges: used, known }, 'compact vocabulary'),
      fullIds: Int32Array.from(tokens, (token) => vocab[token]) };
  }

  /** The files of a checkpoint folder that make this tokenizer again, here and in transformers. */
  files(context: number): Readonly<Record<'tokenizer.json' | 'tokenizer_config.json', string>> {
    const { known } = this.#vocabulary;
    const config = { tokenizer_class: 'CLIPTokenizer', model_max_length: context, bos_token: START, eos_token: END,
      unk_token: END, pad_token: END, ...(known && { known_tokens: known }) };
    return { 'tokenizer.json': JSON.stringify(tokenizerJson(this.#vocabulary)),
      'tokenizer_config.json': `${JSON.stringify(config, null, 2)}\n` };
  }
}

/** A tokenizer with few tokens. */
export interface CompactTokenizer {
  readonly tokenizer: ClipTokenizer;
  /** The full vocabulary's id of each of its ids, for rows of a token table; rising. */
  readonly fullIds: Int32Array;
}

function broken(source: string, message: string): FirstlightError {
  return new FirstlightError('FL_TOKENIZER', `${source}: ${message}`, { source });
}

function shorten(text: string): string {
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}

function parse(text: string, source: string): unknown {
  try {
    return JSON.parse(text) ?? {};
  } catch (cause) {
    throw broken(source, `not valid JSON: ${(cause as Error).message}`);
  }
}

/** Checks a vocabulary from outside. */
function idsOf(vocab: unknown, source: string): Readonly<Record<string, number>> {
  if (typeof vocab !== 'object' || vocab === null || Array.isArray(vocab)) {
    throw broken(source, 'the vocabulary must be an object of tokens and ids');
  }
  const stray = Object.entries(vocab).find(([, id]) => !Number.isSafeInteger(id));
  if (stray !== undefined) throw broken(source, `the id of "${stray[0]}" is not a whole number`);
  return vocab as Record<string, number>;
}

/** Bytes as printable characters, without cutting: words are cut before. */
const BYTES = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false };

/** The tokenizer.json that transformers writes for CLIP. */
function tokenizerJson({ vocab, merges }: Vocabulary): Record<string, unknown> {
  const special = (content: string) => ({ id: vocab[content], content, single_word: false, lstrip: false, rstrip: false,
    normalized: false, special: true });
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: [special(START), special(END)],
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
      fuse_unk: false, byte_fallback: false, vocab, merges },
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
