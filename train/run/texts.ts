/** What the clips of a run are compared with: the names of its classes in templates, in tokens. */
import { DatasetError } from '../../engine/errors.ts';
import { type ModelConfig, textConfigOf, vectorsOf } from '../../model/systems/config.ts';
import { refusals, sentences, TEMPLATES, type Wording } from '../../model/templates.ts';
import type { TokenRows } from '../../model/tokenizer.ts';
import { namesFile } from '../data/sets/sets.ts';
import type { TrainConfig } from './config_keys.ts';
import { tokenizerOf } from './system.ts';

/** How a configuration puts its classes into words. */
export const wordingOf = ({ data }: TrainConfig): Wording => ({ templates: data.templates, mean: data.templateMean });

/** What texts take of memory. */
export interface TextSizes {
  readonly classes: number;
  /** Each class has a text of each. */
  readonly templates: number;
  /** Tokens of each text: those of the longest one. */
  readonly length: number;
}

/**
 * Of texts whose length nobody knows: they fill the context, with what is learned in front of them. Undefined for a
 * system without texts.
 */
export function unknownTexts({ data }: TrainConfig, model: ModelConfig, classes: number): TextSizes | undefined {
  const text = textConfigOf(model);
  return text && { classes, templates: TEMPLATES[data.templates].length, length: text.context - vectorsOf(model) };
}

/** The texts of a run, template by template. */
export interface RunTexts extends TextSizes, TokenRows {
  readonly sentences: readonly string[];
}

/**
 * The names of a run in tokens of its model; undefined for a system without texts.
 * @throws DatasetError with every name that the tokenizer refuses, and in which template
 */
export async function textsOf(config: TrainConfig, model: ModelConfig,
  names: readonly string[]): Promise<RunTexts | undefined> {
  const text = textConfigOf(model);
  if (text === undefined) return undefined;
  const room = [text.context, vectorsOf(model)] as const;
  const { templates } = config.data;
  const tokenizer = await tokenizerOf(config);
  const refused = refusals(tokenizer, templates, names, ...room);
  if (refused.length > 0) {
    throw new DatasetError(refused.map(({ message }) => ({ file: namesFile(config.data), line: 0, problem: message })));
  }
  const texts = sentences(templates, names);
  return { classes: names.length, templates: TEMPLATES[templates].length, sentences: texts,
    ...tokenizer.tokenize(texts, ...room) };
}
