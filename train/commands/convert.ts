/** `firstlight convert`: a checkpoint in the names of one origin, written in those of another. */
import { existsSync } from 'node:fs';
import { FileError } from '../../engine/file_error.ts';
import { shown } from '../../engine/shown.ts';
import { folderOrigin, formatOf, openCheckpoint, saveCheckpoint,
  saveOfficial } from '../../model/checkpoint/folder.node.ts';
import { ORIGINS } from '../../model/checkpoint/names/index.ts';
import { fileOrigin } from '../../model/checkpoint/weights.ts';

/**
 * Writes a folder in the names that transformers reads, where it has the model, or, where `to` ends as a file of
 * tensors does, one file in the official ones, which of networks are MMAction2's. Every number is kept, bit for bit;
 * f16 and bf16 are written as f32, which has all of theirs.
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
    const written = format === undefined
      ? `a folder in ${ORIGINS[folderOrigin(config)].title}`
      : `one file in ${ORIGINS[fileOrigin(config)].title}, ${format}`;
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
