/** `firstlight convert`: a checkpoint in the names of one origin, written in those of another. */
import { existsSync } from 'node:fs';
import { ConfigError } from '../../engine/errors.ts';
import { FileError } from '../../engine/file_error.ts';
import { printable, shown } from '../../engine/shown.ts';
import { folderOrigin } from '../../model/checkpoint/folder_files.ts';
import { formatOf, openCheckpoint, saveCheckpoint, saveOfficial } from '../../model/checkpoint/folder.node.ts';
import { ORIGINS } from '../../model/checkpoint/names/index.ts';
import { SWIN_ASIDE } from '../../model/checkpoint/names/swin.ts';
import { fileOrigin } from '../../model/checkpoint/encoding.ts';
import type { ModelConfig } from '../../model/systems/config.ts';
import { tell } from '../run/warnings.ts';

/**
 * A configuration whose classes have other names.
 * @throws ConfigError if it has no head, or one of more or fewer rows
 */
function named(config: ModelConfig, names: readonly string[], path: string): ModelConfig {
  if (!('classes' in config)) {
    throw new ConfigError(path, [
      `is of ${config.system}, which compares videos with texts: it has no names of classes`,
    ], 'convert it without --labels-file');
  }
  const { length } = config.classes;
  if (names.length === length) return { ...config, classes: names };
  throw new ConfigError(path, [`its head has ${length} rows, the file of labels ${names.length} names`],
    'take the names of the classes that it was trained on, in the order of its rows');
}

/**
 * Writes a folder in the names that transformers reads, where it has the model, or, where `to` ends as a file of
 * tensors does, one file in the official ones, which of networks are MMAction2's. Every number is kept, bit for bit;
 * f16 and bf16 are written as f32, which has all of theirs.
 *
 * @param names of the classes of its head, in the order of its rows; those that it has if omitted
 * @returns the exit status
 */
export async function convert(from: string, to: string, names?: readonly string[]): Promise<number> {
  if (existsSync(to)) {
    throw new FileError(to, 'EEXIST', undefined, { reason: 'is there already', remedy: 'name another' });
  }
  const checkpoint = await openCheckpoint(from);
  try {
    const { config, weights, tokenizer, preprocessor, warnings } = checkpoint;
    tell(warnings);
    const content = { config: names === undefined ? config : named(config, names, from),
      parameters: weights.readables(), tokenizer, preprocessor };
    const format = formatOf(to);
    await (format === undefined ? saveCheckpoint(to, content) : saveOfficial(to, content));
    const written = format === undefined
      ? `a folder in ${ORIGINS[folderOrigin(config)].title}`
      : `one file in ${ORIGINS[fileOrigin(config)].title}, ${format}`;
    const list = (what: string, names: readonly string[]) => names.length === 0 ? '' : `; ${what}: ${names.join(', ')}`;
    const ofWindows = weights.aside.filter((name) => SWIN_ASIDE.test(name)).length;
    const left = list('left aside', weights.aside.filter((name) => !SWIN_ASIDE.test(name)).map((name) => shown(name)))
      + list('compared with what its windows tell', ofWindows === 0 ? [] : [`${ofWindows} tensors`])
      + list('beside them, neither read nor executed', weights.beside.map(printable));
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
