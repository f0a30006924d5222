/** Rows of a table of tokens: a few labels use some dozens of CLIP's 49,408, which are 152 MB in L/14. */
import type { Tensor } from '../../engine/index.ts';
import { type ModelConfig, textConfigOf, vectorsOf } from '../systems/config.ts';
import { requireTexts, type System } from '../systems/system.ts';
import type { ClipTokenizer } from '../tokenizer.ts';
import type { Checkpoint } from './checkpoint.ts';
import { readFiniteRows } from './loading.ts';
import { fitHalves, tooLargeForHalf } from './special.ts';

/** The table's official name. */
export const TOKEN_TABLE = 'token_embedding.weight';
/** Tokens before the end of text that are there at once, unless one text may have more. */
const FEWEST = 1024;

const tokensOf = (context: number) => Math.max(FEWEST, context);

/**
 * The configuration of a model whose table has room for the tokens of a few texts. Their order is that of their ids,
 * for the largest one ends a text, and added tokens stand behind the end of text.
 */
export function withFewTokens<C extends ModelConfig>(config: C,
  { vocabSize, end }: Pick<ClipTokenizer, 'vocabSize' | 'end'>): C {
  const text = textConfigOf(config);
  if (text === undefined) return config;
  const endRow = tokensOf(text.context);
  return { ...config,
    text: { ...text, vocab: endRow + vocabSize - end, ...(text.endOfText !== undefined && { endOfText: endRow }) } };
}

/** The table of a model that was made for few tokens. What a text needs is read when it is asked for. */
export class TokenTable {
  readonly #system: System;
  readonly #checkpoint: Pick<Checkpoint, 'config' | 'weights'>;
  readonly #table: Tensor;
  readonly #context: number;

  /** @param checkpoint of the system, open as long as texts may come */
  constructor(system: System, checkpoint: Pick<Checkpoint, 'config' | 'weights'>) {
    this.#system = system;
    this.#checkpoint = checkpoint;
    this.#table = new Map(system.model.parameters()).get(TOKEN_TABLE) as Tensor;
    this.#context = requireTexts(system.model).context;
  }

  /** Texts that it has room for, whatever their tokens. */
  get texts(): number {
    return Math.floor(tokensOf(this.#context) / this.#context);
  }

  /** Puts the rows of some texts in the place of others. Returns what tokenises them. */
  async hold(texts: readonly string[]): Promise<Pick<ClipTokenizer, 'tokenize'>> {
    const { model, tokenizer } = this.#system;
    const { config, weights } = this.#checkpoint;
    const { ids } = tokenizer.tokenize(texts, this.#context, vectorsOf(model.config));
    const used = [...new Set(ids)].sort((a, b) => a - b);
    const endRow = tokensOf(this.#context);
    const rowOf = new Map(
      used.map((id, place) => [id, id < tokenizer.end ? place : endRow + id - tokenizer.end] as const),
    );
    const [rows, width] = this.#table.shape;
    const read = await readFiniteRows(weights, TOKEN_TABLE, [textConfigOf(config)?.vocab ?? 0, width], used);
    if (this.#table.dtype === 'f16' && !fitHalves(read)) throw tooLargeForHalf(TOKEN_TABLE);
    const values = new Float32Array(rows * width);
    used.forEach((id, i) => values.set(read.subarray(i * width, (i + 1) * width), (rowOf.get(id) as number) * width));
    this.#table.write(values);
    return { tokenize: (some, context, vectors) => {
      const { ids: full, length } = tokenizer.tokenize(some, context, vectors);
      return { ids: full.map((id) => rowOf.get(id) as number), length };
    } };
  }
}
