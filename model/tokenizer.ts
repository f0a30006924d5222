/** CLIP's byte-pair tokenizer. Radford et al. 2021, arXiv:2103.00020, section 2.4; Sennrich et al. 2016, arXiv:1508.07909. */
import { Tokenizer } from '@huggingface/tokenizers';
import { FirstlightError } from '../engine/errors.ts';
import { cleanText } from './text_cleaning.ts';

const START = '<|startoftext|>';
const END = '<|endoftext|>';
/** Merges that CLIP uses of the file's list. */
const MERGES = 49152 - 256 - 2;
/** How CLIP cuts text into words before merging. */
const WORDS = "<\\|startoftext\\|>|<\\|endoftext\\|>|'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+";

/** A text was longer than the model's context. */
function tooLong(text: string, length: number, context: number): FirstlightError {
  const shown = text.length > 80 ? `${text.slice(0, 77)}…` : text;
  return new FirstlightError('FL_TEXT_TOO_LONG', `"${shown}" makes ${length} tokens, the context holds ${context}`, { length, context }, 'shorten the text: nothing is cut off in silence');
}

/** Texts → rows of ids: start, ids, end, zeros up to the context. */
function rows(texts: readonly string[], context: number, start: number, end: number, encode: (text: string) => number[]): Int32Array {
  const ids = new Int32Array(texts.length * context);
  texts.forEach((text, k) => {
    const row = [start, ...encode(text), end];
    if (row.length > context) throw tooLong(text, row.length, context);
    ids.set(row, k * context);
  });
  return ids;
}

/** What turns texts into ids for a model. */
export interface TextTokenizer {
  readonly vocabSize: number;
  /** [K · context] ids, row by row: start of text, ids, end of text, zeros. A text that does not fit is an error. */
  tokenize(texts: readonly string[], context: number): Int32Array;
}

/** CLIP's tokenizer with its vocabulary of 49,408. */
export class ClipTokenizer implements TextTokenizer {
  readonly #tokenizer: Tokenizer;
  readonly start: number;
  readonly end: number;
  readonly vocabSize: number;

  constructor(tokenizerJson: object) {
    this.#tokenizer = new Tokenizer(tokenizerJson, {});
    const [start, end] = [START, END].map((token) => this.#tokenizer.token_to_id(token));
    if (start === undefined || end === undefined) throw new FirstlightError('FL_TOKENIZER', `the vocabulary lacks ${START} or ${END}: it is not one of CLIP's`);
    this.start = start;
    this.end = end;
    this.vocabSize = end + 1;
  }

  /** From CLIP's list of merges (`bpe_simple_vocab_16e6.txt`): its ids follow from the order of the merges. */
  static fromMerges(text: string): ClipTokenizer {
    const merges = text.split('\n').slice(1, 1 + MERGES).map((line) => line.trim());
    if (merges.length < MERGES) throw new FirstlightError('FL_TOKENIZER', `the list has ${merges.length} merges, CLIP's has ${MERGES}`);
    const bytes = byteCharacters();
    const tokens = [...bytes, ...bytes.map((c) => `${c}</w>`), ...merges.map((merge) => merge.replace(' ', '')), START, END];
    return new ClipTokenizer(tokenizerJson(Object.fromEntries(tokens.map((token, id) => [token, id])), merges));
  }

  /** From the two files of older checkpoints, `vocab.json` and `merges.txt`. */
  static fromVocabulary(vocab: Readonly<Record<string, number>>, merges: string): ClipTokenizer {
    const lines = merges.split('\n').filter((line) => line !== '' && !line.startsWith('#version'));
    return new ClipTokenizer(tokenizerJson(vocab, lines));
  }

  /** Ids of a text, without start and end. */
  encode(text: string): number[] {
    return [...this.#tokenizer.encode(cleanText(text), { add_special_tokens: false }).ids];
  }

  tokenize(texts: readonly string[], context: number): Int32Array {
    return rows(texts, context, this.start, this.end, (text) => this.encode(text));
  }

  /** The piece of text that an id stands for. */
  piece(id: number): string {
    return (this.#tokenizer.id_to_token(id) ?? '').replace('</w>', ' ');
  }
}

/**
 * The few ids that a set of texts needs, renumbered in their order, so that a tiny model has a tiny table. The end of text
 * stays the largest id.
 */
export class CompactVocabulary implements TextTokenizer {
  readonly #tokenizer: ClipTokenizer;
  readonly #compact: ReadonlyMap<number, number>;
  /** CLIP's id of each id of ours. */
  readonly ids: readonly number[];

  constructor(tokenizer: ClipTokenizer, ids: readonly number[]) {
    this.#tokenizer = tokenizer;
    this.ids = [...new Set([...ids, tokenizer.start, tokenizer.end])].sort((a, b) => a - b);
    this.#compact = new Map(this.ids.map((id, i) => [id, i]));
  }

  static of(tokenizer: ClipTokenizer, texts: readonly string[]): CompactVocabulary {
    return new CompactVocabulary(tokenizer, texts.flatMap((text) => tokenizer.encode(text)));
  }

  get vocabSize(): number {
    return this.ids.length;
  }

  tokenize(texts: readonly string[], context: number): Int32Array {
    const compact = (id: number) => this.#compact.get(id) as number;
    return rows(texts, context, compact(this.#tokenizer.start), compact(this.#tokenizer.end), (text) => this.#encode(text));
  }

  #encode(text: string): number[] {
    const ids = this.#tokenizer.encode(text);
    const unknown = ids.filter((id) => !this.#compact.has(id)).map((id) => this.#tokenizer.piece(id).trim());
    if (unknown.length > 0) {
      throw new FirstlightError('FL_UNKNOWN_WORDS', `"${text}": this model was not trained with ${unknown.map((word) => `"${word}"`).join(', ')}`, { unknown }, 'use words that occur in its training labels');
    }
    return ids.map((id) => this.#compact.get(id) as number);
  }
}

/** The tokenizer.json that transformers writes for CLIP. */
function tokenizerJson(vocab: Readonly<Record<string, number>>, merges: readonly string[]): object {
  const special = (content: string) => ({ id: vocab[content], content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true });
  return {
    version: '1.0',
    added_tokens: [special(START), special(END)],
    normalizer: { type: 'Sequence', normalizers: [{ type: 'NFC' }, { type: 'Replace', pattern: { Regex: '\\s+' }, content: ' ' }, { type: 'Lowercase' }] },
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [
        { type: 'Split', pattern: { Regex: WORDS }, behavior: 'Removed', invert: true },
        { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false },
      ],
    },
    post_processor: null,
    decoder: { type: 'ByteLevel' },
    model: { type: 'BPE', unk_token: END, continuing_subword_prefix: '', end_of_word_suffix: '</w>', fuse_unk: false, vocab, merges },
  };
}

/** A printable character for each byte: itself where it is one, else the next of those from U+0100 on. In CLIP's order. */
function byteCharacters(): string[] {
  const printable: number[] = [];
  for (const [from, to] of [[0x21, 0x7e], [0xa1, 0xac], [0xae, 0xff]]) for (let byte = from; byte <= to; byte++) printable.push(byte);
  const others = Array.from({ length: 256 }, (_, byte) => byte).filter((byte) => !printable.includes(byte));
  return [...printable.map((byte) => String.fromCharCode(byte)), ...others.map((_, i) => String.fromCharCode(0x100 + i))];
}
