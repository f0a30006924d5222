/** What the clips of a run are compared with: the names of its classes in templates, in tokens. */
import { DatasetError } from '../../engine/errors.ts';
import type { ModelConfig } from '../../model/systems/config.ts';
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

/** Of texts whose length nobody knows: they fill the context. */
export const unknownTexts = ({ data }: TrainConfig, { text }: Pick<ModelConfig, 'text'>,
  classes: number): TextSizes => ({
    classes,
    templates: TEMPLATES[data.templates].length,
    length: text.context,
  });

/** The texts of a run, template by template. */
export interface RunTexts extends TextSizes, TokenRows {
  readonly sentences: readonly string[];
}

/**
 * The names of a run in tokens of its model.
 * @throws DatasetError with every name that the tokenizer refuses, and in which template
 */
export async function textsOf(config: TrainConfig, { text: { context } }: Pick<ModelConfig, 'text'>,
  names: readonly string[]): Promise<RunTexts> {
  const { templates } = config.data;
  const tokenizer = await tokenizerOf(config);
  const refused = refusals(tokenizer, templates, names, context);
  if (refused.length > 0) {
    throw new DatasetError(refused.map(({ message }) => ({ file: namesFile(config.data), line: 0, problem: message })));
  }
  const texts = sentences(templates, names);
  return { classes: names.length, templates: TEMPLATES[templates].length, sentences: texts,
    ...tokenizer.tokenize(texts, context) };
}
