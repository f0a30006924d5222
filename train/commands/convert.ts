/** `firstlight convert`: a checkpoint in the names of one origin, written in those of another. */
import { existsSync } from 'node:fs';
import { FileError } from '../../engine/file_error.ts';
import { shown } from '../../engine/shown.ts';
import { formatOf, openCheckpoint, saveCheckpoint, saveOfficial } from '../../model/checkpoint/folder.node.ts';
import { ORIGINS } from '../../model/checkpoint/names/index.ts';

/**
 * Writes a folder in Hugging Face's names, or, where `to` ends as a file of tensors does, one file in the official
 * ones. Every number is kept, bit for bit; f16 and bf16 are written as f32, which has all of theirs.
 *
 * @returns the exit status
 */
export async function convert(from: string, to: string): Promise<number> {
  if (existsSync(to)) {
    throw new FileError(to, 'EEXIST', undefined, { reason: 'is there already', remedy: 'name another' });
  }
  const checkpoint = await openCheckpoint(from);
  try {
    const { config, weights, tokenizer, preprocessor } = checkpoint;
    const content = { config, parameters: weights.readables(), tokenizer, preprocessor };
    const format = formatOf(to);
    await (format === undefined ? saveCheckpoint(to, content) : saveOfficial(to, content));
    const written = format === undefined ? "a folder in Hugging Face's names" : `one file in official names, ${format}`;
    const left = weights.aside.length === 0
      ? ''
      : `; left aside: ${weights.aside.map((name) => shown(name)).join(', ')}`;
    console.log(
      `${shown(from)}, ${ORIGINS[weights.origin].title}: ${content.parameters.length} parameters${left}\n${
        shown(to)
      }: ${written}`,
    );
    return 0;
  } finally {
    await checkpoint.close();
  }
}
