/**
 * CLIP's byte-pair tokenizer. Radford et al. 2021, arXiv:2103.00020, section 2.4; Sennrich et al. 2016,
 * arXiv:1508.07909.
 */
import { Tokenizer } from '@huggingface/tokenizers';
import { FirstlightError } from '../engine/errors.ts';
import { shown } from '../engine/shown.ts';
import { Cuts } from './cuts.ts';
import { cleanText, WORDS } from './text_cleaning.ts';
import { broken, BYTES, END, QUOTED, START, tokenizerJson, tooMany, type Vocabulary, vocabularyOfFiles,
  vocabularyOfJson, vocabularyOfMerges } from './vocabulary.ts';

/** Letters of a text: a hundred times what fits the context of any model. */
const MOST_LETTERS = 2 ** 13;

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

  /** From CLIP's list of merges (`bpe_simple_vocab_16e6.txt`). */
  static fromMerges(text: string, source: string): ClipTokenizer {
    return new ClipTokenizer(vocabularyOfMerges(text, source), source);
  }

  /**
   * From the texts of the two files of older checkpoints, `vocab.json` and `merges.txt`.
   *
   * @param added the text of the `added_tokens.json` beside them, if there is one
   */
  static fromVocabulary(vocab: string, merges: string, added: string | undefined, source: string): ClipTokenizer {
    return new ClipTokenizer(vocabularyOfFiles(vocab, merges, added, source), source);
  }

  /**
   * From the text of a `tokenizer.json`. Its vocabulary and merges count; texts are cleaned and cut as CLIP does, which
   * the file can describe in part only.
   *
   * @param config the text of the `tokenizer_config.json` beside it, if there is one
   */
  static fromJson(text: string, config: string | undefined, source: string): ClipTokenizer {
    return new ClipTokenizer(vocabularyOfJson(text, config, source), source);
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
