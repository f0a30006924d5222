/** Checkpoints on disk: opened, and written as a Hugging Face folder or as one file. */
import { stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { CheckpointFormatError } from '../../engine/errors.ts';
import { FileError } from '../../engine/file_error.ts';
import { FileBytes } from './bytes.node.ts';
import { type Checkpoint, openCheckpointAt, openWeightsAt, type OpenWeights } from './checkpoint.ts';
import { disk, type Files, sweep, writeAtomically } from './files.node.ts';
import { CONFIG, type Folder, INDEX, type Place, PROCESSOR } from './folder.ts';
import { type CheckpointContent, folderFiles } from './folder_files.ts';
import { encodeOfficial } from './encoding.ts';

/** A folder of the disk. */
export function diskFolder(path: string): Folder {
  const pathOf = (name: string) => join(path, name);
  return {
    path,
    pathOf,
    async open(name) {
      try {
        return await FileBytes.found(pathOf(name));
      } catch (error) {
        if (error instanceof FileError && error.systemCode === 'ENOENT') return undefined;
        throw error;
      }
    },
  };
}

/** What a path names. @throws CheckpointFormatError where there is nothing */
async function placeOf(path: string): Promise<Place> {
  const info = await stat(path).catch(() => undefined); // why is told below, for every cause alike
  if (info === undefined) throw new CheckpointFormatError('Unreadable', path, 'no such file or folder');
  return info.isDirectory()
    ? { path, folder: diskFolder(path) }
    : { path, folder: diskFolder(dirname(path)), file: basename(path) };
}

/** Opens the weights of a folder, or a single file, of safetensors or of PyTorch's, in the names of any origin. */
export async function openWeights(path: string): Promise<OpenWeights> {
  return await openWeightsAt(await placeOf(path));
}

/** Opens a checkpoint with its configuration: a folder, or a single file whose names and shapes tell it. */
export async function openCheckpoint(path: string): Promise<Checkpoint> {
  return await openCheckpointAt(await placeOf(path));
}

/**
 * Writes a Hugging Face folder. Each file is replaced whole or not at all; the configuration, which makes it one, is
 * last.
 */
export async function saveCheckpoint(folder: string, content: CheckpointContent,
  { shardBytes, files = disk }: { shardBytes?: number; files?: Files } = {}): Promise<void> {
  await files.mkdir(folder);
  await sweep(files, folder);
  const made = folderFiles(content, shardBytes);
  for (const { name, pieces } of made) {
    if (name === CONFIG) await removeOlder(files, folder, new Set(made.map((file) => file.name)));
    await writeAtomically(files, join(folder, name), pieces());
  }
}

/** Removes what an older checkpoint here has beyond a new one, and would count: it may have been split otherwise. */
async function removeOlder(files: Files, folder: string, made: ReadonlySet<string>): Promise<void> {
  for (const name of await files.list(folder)) {
    const counts = /^model(-\d+-of-\d+)?\.safetensors$/.test(name) || name === INDEX || name === PROCESSOR;
    if (counts && !made.has(name)) await files.remove(join(folder, name));
  }
}

/** Endings of single files, and the format that each means. */
const FORMATS = [[/\.safetensors$/i, 'safetensors'], [/\.(pth|pt|bin)$/i, 'torch']] as const;

/** The format of a single file by its ending; undefined for a folder. */
export function formatOf(path: string): 'safetensors' | 'torch' | undefined {
  return FORMATS.find(([ending]) => ending.test(path))?.[1];
}

/** Writes one file in the official names: safetensors, or what `torch.load` reads, by its ending. */
export async function saveOfficial(path: string,
  { config, parameters, preprocessor }: Omit<CheckpointContent, 'tokenizer'>): Promise<void> {
  await disk.mkdir(dirname(path));
  await writeAtomically(disk, path, encodeOfficial(parameters, config, formatOf(path), preprocessor));
}
