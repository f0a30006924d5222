/** What the clips of a run are compared with: the names of its classes as texts, in tokens. */
import { DatasetError, FirstlightError } from '../../engine/errors.ts';
import type { XclipConfig } from '../../model/config.ts';
import type { TokenRows } from '../../model/tokenizer.ts';
import type { TrainConfig } from './config_keys.ts';
import { namesFile } from '../data/sets/sets.ts';
import { tokenizerOf } from './system.ts';

/** What texts take of memory. */
export interface TextSizes {
  readonly classes: number;
  /** Tokens of each text: those of the longest one. */
  readonly length: number;
}

/** The texts of a run. */
export type RunTexts = TextSizes & TokenRows;

/**
 * The names of a run in tokens of its model.
 * @throws DatasetError with every name that the tokenizer refuses
 */
export async function textsOf(config: TrainConfig, { text: { context } }: Pick<XclipConfig, 'text'>,
  names: readonly string[]): Promise<RunTexts> {
  const tokenizer = await tokenizerOf(config);
  const problems = names.flatMap((name) => {
    try {
      tokenizer.tokenize([name], context);
      return [];
    } catch (error) {
      if (!(error instanceof FirstlightError)) throw error;
      return [{ file: namesFile(config.data), line: 0, problem: error.message }];
    }
  });
  if (problems.length > 0) throw new DatasetError(problems);
  return { classes: names.length, ...tokenizer.tokenize(names, context) };
}
