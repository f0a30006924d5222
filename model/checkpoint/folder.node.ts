/** Checkpoints on disk: opened, and written as a Hugging Face folder or as one file. */
import { stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { CheckpointFormatError } from '../../engine/errors.ts';
import { FileError } from '../../engine/file_error.ts';
import { imageSizeOf, isNetwork, isTimeSformer, type ModelConfig, textConfigOf } from '../systems/config.ts';
import type { ClipTokenizer } from '../tokenizer.ts';
import { FileBytes } from './bytes.node.ts';
import { type Checkpoint, CONFIG, INDEX, openCheckpointAt, openWeightsAt, type OpenWeights, PREPROCESSOR, PROCESSOR,
  WEIGHTS } from './checkpoint.ts';
import { disk, type Files, sweep, writeAtomically } from './files.node.ts';
import type { Folder, Place } from './folder.ts';
import { configToHuggingFace, isClipModel } from './huggingface.ts';
import type { Origin } from './names/index.ts';
import { officialPreprocessor, type Preprocessor, preprocessorToHuggingFace } from './preprocessor.ts';
import { encodeSafetensors, type NamedTensor } from './safetensors.ts';
import { encodeOfficial, planFile, type Readable } from './weights.ts';

/** Size above which transformers splits files, too. */
const SHARD_BYTES = 5e9;

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

/** What a checkpoint folder is made of. */
export interface CheckpointContent {
  readonly config: ModelConfig;
  /** `model.state()`: official names. */
  readonly parameters: Iterable<readonly [string, Readable]>;
  readonly tokenizer?: ClipTokenizer;
  readonly preprocessor?: Preprocessor;
}

/**
 * Writes a Hugging Face folder. Each file is replaced whole or not at all; the configuration, which makes it one, is
 * last.
 */
export async function saveCheckpoint(
  folder: string,
  { config, parameters, tokenizer, preprocessor }: CheckpointContent,
  { shardBytes = SHARD_BYTES, files = disk }: { shardBytes?: number; files?: Files } = {},
): Promise<void> {
  const text = (name: string, content: string) =>
    writeAtomically(files, join(folder, name), [new TextEncoder().encode(content)]);
  const json = (name: string, value: unknown) => text(name, `${JSON.stringify(value, null, 2)}\n`);
  await files.mkdir(folder);
  await sweep(files, folder);

  const { tensors, read } = planFile(parameters, folderOrigin(config));
  const shards = split(tensors, shardBytes);
  const nameOf = (
    shard: number,
  ) => (shards.length === 1
    ? WEIGHTS
    : `model-${String(shard + 1).padStart(5, '0')}-of-${String(shards.length).padStart(5, '0')}.safetensors`);
  for (const [i, shard] of shards.entries()) {
    await writeAtomically(files, join(folder, nameOf(i)), encodeSafetensors(shard, read, { format: 'pt' }));
  }
  const written = new Set(shards.map((_, i) => nameOf(i)));
  if (shards.length > 1) {
    await json(INDEX, { metadata: { total_size: bytesOf(tensors) },
      weight_map: Object.fromEntries(shards.flatMap((shard, i) => shard.map(({ name }) => [name, nameOf(i)]))) });
  } else await files.remove(join(folder, INDEX));
  // an older checkpoint here may have been split in another way
  for (const name of await files.list(folder)) {
    if (/^model(-\d+-of-\d+)?\.safetensors$/.test(name) && !written.has(name)) await files.remove(join(folder, name));
  }

  const { context } = textConfigOf(config) ?? {};
  // without texts nobody reads a tokenizer
  const words = context === undefined ? undefined : tokenizer?.files(context);
  for (const [name, content] of Object.entries(words ?? {})) await text(name, content);
  await files.remove(join(folder, PROCESSOR)); // of an older checkpoint here: it would count before ours
  await json(PREPROCESSOR,
    preprocessorToHuggingFace(preprocessor ?? officialPreprocessor(imageSizeOf(config)), imageSizeOf(config)));
  await json(CONFIG, configToHuggingFace(config));
}

/** Whose names a folder is written in: those of the class of transformers that reads it. */
export function folderOrigin(config: ModelConfig): Origin {
  if (!isNetwork(config)) return isClipModel(config) ? 'hf-clip' : 'hf';
  if (config.system === 'videomae') return 'hf-videomae';
  if (!isTimeSformer(config)) return 'mmaction';
  return config.system === 'timesformer' ? 'hf-timesformer' : 'hf-timesformer-plain';
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

function bytesOf(tensors: readonly Pick<NamedTensor, 'shape' | 'dtype'>[]): number {
  return tensors.reduce((sum, { shape, dtype }) => sum + (dtype === 'I64' ? 8 : 4) * shape.reduce((a, b) => a * b, 1),
    0);
}

/** Tensors in order, in as few pieces as fit; a tensor that is too large has a piece of its own. */
function split<T extends Pick<NamedTensor, 'shape' | 'dtype'>>(tensors: readonly T[], shardBytes: number): T[][] {
  const shards: T[][] = [[]];
  let room = shardBytes;
  for (const tensor of tensors) {
    const bytes = bytesOf([tensor]);
    if (bytes > room && shards[shards.length - 1].length > 0) {
      shards.push([]);
      room = shardBytes;
    }
    shards[shards.length - 1].push(tensor);
    room -= bytes;
  }
  return shards;
}
