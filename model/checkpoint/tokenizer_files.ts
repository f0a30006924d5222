/** The tokenizer that lies beside weights. */
import { FirstlightError } from '../../engine/errors.ts';
import { FileError } from '../../engine/file_error.ts';
import { shown } from '../../engine/shown.ts';
import { ClipTokenizer } from '../tokenizer.ts';
import { type Folder, textIn } from './folder.ts';

/**
 * The tokenizer of a checkpoint folder: `tokenizer.json`, or `vocab.json` and `merges.txt`. Undefined if it has
 * neither.
 */
export async function readTokenizer(folder: Folder): Promise<ClipTokenizer | undefined> {
  const json = await textOf(folder, 'tokenizer.json');
  if (json !== undefined) {
    return ClipTokenizer.fromJson(json, await textOf(folder, 'tokenizer_config.json'), folder.pathOf('tokenizer.json'));
  }
  const vocab = await textOf(folder, 'vocab.json');
  const merges = vocab === undefined ? undefined : await textOf(folder, 'merges.txt');
  if (vocab === undefined || merges === undefined) return undefined;
  const added = await textOf(folder, 'added_tokens.json');
  return ClipTokenizer.fromVocabulary(vocab, merges, added, folder.pathOf('vocab.json'));
}

/** The text of a file, or undefined if there is no such file. */
async function textOf(folder: Folder, name: string): Promise<string | undefined> {
  try {
    return await textIn(folder, name);
  } catch (cause) {
    if (!(cause instanceof FileError)) throw cause;
    throw new FirstlightError('FL_TOKENIZER', `${shown(folder.pathOf(name))}: ${cause.reason}`, {}, undefined, cause);
  }
}
