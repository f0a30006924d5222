/** The files that a Hugging Face folder is made of, wherever they go: to a disk, or into an archive. */
import { imageSizeOf, isNetwork, isTimeSformer, type ModelConfig, textConfigOf } from '../systems/config.ts';
import type { ClipTokenizer } from '../tokenizer.ts';
import { CONFIG, INDEX, PREPROCESSOR, WEIGHTS } from './folder.ts';
import { configToHuggingFace, isClipModel } from './huggingface.ts';
import type { Origin } from './names/index.ts';
import { officialPreprocessor, type Preprocessor, preprocessorToHuggingFace } from './preprocessor.ts';
import { encodeSafetensors, type NamedTensor } from './safetensors.ts';
import { planFile, type Readable } from './encoding.ts';

/** Size above which transformers splits files, too. */
const SHARD_BYTES = 5e9;

/** What a checkpoint folder is made of. */
export interface CheckpointContent {
  readonly config: ModelConfig;
  /** `model.state()`: official names. */
  readonly parameters: Iterable<readonly [string, Readable]>;
  readonly tokenizer?: Pick<ClipTokenizer, 'files'>;
  readonly preprocessor?: Preprocessor;
}

/** A file of a folder. */
export interface FolderFile {
  readonly name: string;
  /** Its bytes, piece by piece, so that a model need not be in memory twice. */
  pieces(): AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

/**
 * The files of a Hugging Face folder, in the order in which they are to be written: the configuration, which makes it
 * one, is last.
 *
 * @param shardBytes of weights that a file holds at most
 */
export function folderFiles({ config, parameters, tokenizer, preprocessor }: CheckpointContent,
  shardBytes = SHARD_BYTES): readonly FolderFile[] {
  const { tensors, read } = planFile(parameters, folderOrigin(config));
  const shards = split(tensors, shardBytes);
  const files: FolderFile[] = shards.map((shard, i) => ({ name: shardName(i, shards.length),
    pieces: () => encodeSafetensors(shard, read, { format: 'pt' }) })
  );
  if (shards.length > 1) {
    const entries = shards.flatMap((shard, i) => shard.map(({ name }) => [name, files[i].name]));
    files.push(
      jsonFile(INDEX, { metadata: { total_size: bytesOf(tensors) }, weight_map: Object.fromEntries(entries) }),
    );
  }
  const { context } = textConfigOf(config) ?? {};
  // without texts nobody reads a tokenizer
  const words = context === undefined ? undefined : tokenizer?.files(context);
  const size = imageSizeOf(config);
  return [...files, ...Object.entries(words ?? {}).map(([name, text]) => textFile(name, text)),
    jsonFile(PREPROCESSOR, preprocessorToHuggingFace(preprocessor ?? officialPreprocessor(size), size)),
    jsonFile(CONFIG, configToHuggingFace(config))];
}

const textFile = (name: string, text: string): FolderFile => ({ name, pieces: () => [new TextEncoder().encode(text)] });

const jsonFile = (name: string, value: unknown) => textFile(name, `${JSON.stringify(value, null, 2)}\n`);

/** `model-00001-of-00002.safetensors`, or, of one alone, `model.safetensors`. */
function shardName(place: number, count: number): string {
  const digits = (value: number) => String(value).padStart(5, '0');
  return count === 1 ? WEIGHTS : `model-${digits(place + 1)}-of-${digits(count)}.safetensors`;
}

/** Whose names a folder is written in: those of the class of transformers that reads it. */
export function folderOrigin(config: ModelConfig): Origin {
  if (!isNetwork(config)) return isClipModel(config) ? 'hf-clip' : 'hf';
  if (config.system === 'videomae') return 'hf-videomae';
  if (!isTimeSformer(config)) return 'mmaction';
  return config.system === 'timesformer' ? 'hf-timesformer' : 'hf-timesformer-plain';
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
