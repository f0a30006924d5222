/** Checkpoints on disk: a Hugging Face folder, or one file in either naming. */
import { readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { CheckpointFormatError, ConfigError, PathError } from '../../engine/errors.ts';
import { FileError } from '../../engine/file_error.ts';
import { isObject, type JsonObject, parseJson } from '../../engine/json.ts';
import { readRegular } from '../../engine/regular_file.node.ts';
import { shown, shownValue } from '../../engine/shown.ts';
import type { TextConfig } from '../parts/text.ts';
import { CLIP_VOCAB, imageSizeOf, isNetwork, isTimeSformer, type ModelConfig,
  textConfigOf } from '../systems/config.ts';
import type { ClipTokenizer } from '../tokenizer.ts';
import { readTokenizer } from '../tokenizer.node.ts';
import { FileBytes } from './bytes.node.ts';
import { disk, type Files, sweep, writeAtomically } from './files.node.ts';
import { type CheckpointContent, CONFIG, folderFiles, INDEX, PREPROCESSOR, WEIGHTS } from './folder_files.ts';
import { checkWindowBuffers, heldStatistics } from './held_buffers.ts';
import { configFromHuggingFace, oddHeads } from './huggingface.ts';
import { inferConfig } from './inferred.ts';
import { type Origin, ORIGINS } from './names/index.ts';
import { networkPreprocessor, officialPreprocessor, type Preprocessor, preprocessorFromHuggingFace,
  preprocessorFromTimm } from './preprocessor.ts';
import { openTensors, type TensorFile } from './open.ts';
import { configFromVit, isVit } from './vit_config.ts';
import { encodeOfficial, TEXTS, Weights } from './weights.ts';

/** What a folder may hold, the first that it does counts; the second is what transformers wrote before 2023. */
const FOLDER_FILES = [{ weights: WEIGHTS, index: INDEX, ending: '.safetensors' }, { weights: 'pytorch_model.bin',
  index: 'pytorch_model.bin.index.json', ending: '.bin' }];

/** An opened checkpoint. Weights are read when `loadWeights` asks for them; close it after that. */
export interface Checkpoint {
  readonly path: string;
  readonly config: ModelConfig;
  readonly weights: Weights;
  /** The folder's own tokenizer; CLIP's is meant where there is none. */
  readonly tokenizer: ClipTokenizer | undefined;
  readonly preprocessor: Preprocessor;
  /** What is odd in the configuration, but may be meant. */
  readonly warnings: readonly string[];
  close(): Promise<void>;
}

/** The tensors of a checkpoint, of which none is read yet, whatever they are for. Close it after use. */
export interface OpenWeights {
  readonly weights: Weights;
  readonly files: readonly TensorFile[];
  /** What lies beside them: the folder itself, or the one that the file lies in. */
  readonly folder: string;
  close(): Promise<void>;
}

/** Opens the weights of a folder, or a single file, of safetensors or of PyTorch's, in the names of any origin. */
export async function openWeights(path: string): Promise<OpenWeights> {
  const info = await stat(path).catch(() => undefined); // why is told below, for every cause alike
  if (info === undefined) throw new CheckpointFormatError('Unreadable', path, 'no such file or folder');
  const handles: FileBytes[] = [];
  const close = async () => void (await Promise.all(handles.map((handle) => handle.close())));
  const open = async (file: string): Promise<TensorFile> => {
    const handle = await FileBytes.open(file);
    handles.push(handle);
    return openTensors(handle);
  };
  try {
    const files = info.isDirectory() ? await openFolder(path, open) : [await open(path)];
    return { weights: new Weights(path, files), files, folder: info.isDirectory() ? path : dirname(path), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Opens a checkpoint with its configuration: a folder, or a single file whose names and shapes tell it. */
export async function openCheckpoint(path: string): Promise<Checkpoint> {
  const { weights, files, folder, close } = await openWeights(path);
  try {
    const config = await configOf(folder, weights, files[0]);
    await checkWindowBuffers(weights, config);
    const { preprocessor, assumed } = await preprocessorOf(folder, weights, config, files[0]);
    const tokenizer = await readTokenizer(folder);
    const text = textConfigOf(config);
    if (text !== undefined) requireFitting(folder, text, tokenizer);
    const warnings = [...await warningsOf(folder, weights, config), ...assumed];
    return { path, config, weights, tokenizer, preprocessor, warnings, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** @throws ConfigError where texts of the tokenizer are not those of the text tower */
function requireFitting(folder: string, { vocab, endOfText }: TextConfig, tokenizer: ClipTokenizer | undefined): void {
  if (tokenizer !== undefined && tokenizer.vocabSize > vocab) {
    throw new ConfigError(folder, [`its tokenizer has ${tokenizer.vocabSize} tokens, the text tower knows ${vocab}`],
      'take tokenizer and weights from one checkpoint');
  }
  const end = tokenizer?.end ?? CLIP_VOCAB - 1;
  if (endOfText !== undefined && endOfText !== end) {
    throw new ConfigError(folder, [
      `the text tower ends a text at token ${endOfText} (eos_token_id), its tokenizer at ${end}`,
    ], 'take tokenizer and configuration from one checkpoint');
  }
}

/** A file's own configuration, that of the folder, or what the shapes tell. */
export async function configOf(folder: string, weights: Weights, file: TensorFile): Promise<ModelConfig> {
  const own = file.metadata.get(TEXTS.config);
  if (own !== undefined) {
    const source = `${file.name}: ${TEXTS.config} in its metadata`;
    return configFromHuggingFace(objectOf(own, source), source);
  }
  // timm's names an architecture of its own, whose sizes the shapes tell
  if (isTimms(weights.origin)) return inferConfig(weights);
  const path = join(folder, CONFIG);
  const json = await readJson(path);
  if (json !== undefined) {
    return isVit(json)
      ? configFromVit(json, path, weights.parameters().get('visual.proj')?.[1])
      : configFromHuggingFace(json, path);
  }
  if (!['hf', 'hf-clip'].includes(weights.origin)) return inferConfig(weights);
  throw new ConfigError(path, ['no such file'], 'a checkpoint in Hugging Face names needs its config.json');
}

/** Whether a folder with such names is timm's. */
const isTimms = (origin: Origin): boolean => ['timm', 'timm-swin', 'swin-pictures'].includes(origin);

/** What is odd in the configuration that lies beside weights. */
export async function warningsOf(folder: string, { origin }: Weights, config: ModelConfig): Promise<string[]> {
  const path = join(folder, CONFIG);
  const json = origin === 'hf' ? await readJson(path) : undefined;
  return json === undefined ? [] : oddHeads(json, config).map((warning) => `${path}: ${warning}`);
}

/** Where transformers 5 writes the image processor, beside others; it counts before the file of its own. */
const PROCESSOR = 'processor_config.json';

/** How pictures become pixels, and what of it is told, for nothing said it and trainings differ. */
interface Preprocessing {
  readonly preprocessor: Preprocessor;
  readonly assumed: readonly string[];
}

/** The file's own preprocessor, or the folder's, or that of the recipe where there is none. */
async function preprocessorOf(folder: string, weights: Weights, config: ModelConfig,
  { name, metadata }: TensorFile): Promise<Preprocessing> {
  const imageSize = imageSizeOf(config);
  const held = metadata.get(TEXTS.preprocessor);
  if (held !== undefined) {
    const source = `${name}: ${TEXTS.preprocessor} in its metadata`;
    return { preprocessor: preprocessorFromHuggingFace(objectOf(held, source), imageSize, source), assumed: [] };
  }
  const shared = join(folder, PROCESSOR);
  const nested = (await readJson(shared))?.image_processor;
  if (nested !== undefined) {
    return { preprocessor: preprocessorFromHuggingFace(nested, imageSize, `${shared}: image_processor`), assumed: [] };
  }
  const own = join(folder, PREPROCESSOR);
  const json = await readJson(own);
  if (json !== undefined) return { preprocessor: preprocessorFromHuggingFace(json, imageSize, own), assumed: [] };
  const timm = isTimms(weights.origin) ? await readJson(join(folder, CONFIG)) : undefined;
  if (isNetwork(config) && timm === undefined) {
    const [usual, statistics] = [networkPreprocessor(config, weights.origin, own), await heldStatistics(weights)];
    const isAssumed = isTimeSformer(config) && statistics.mean === undefined;
    return { preprocessor: { ...usual, ...statistics }, assumed: isAssumed
      ? [
        `${weights.path}: nothing says how its pixels are normalised, and TimeSformers differ in it: mean ${
          usual.mean[0]
        } and deviation ${usual.std[0]} of 255 are taken, as ${
          ORIGINS[weights.origin].title
        } tell; a ${PREPROCESSOR} beside it would say`,
      ]
      : [] };
  }
  return { assumed: [], preprocessor: timm === undefined
    ? officialPreprocessor(imageSize)
    : preprocessorFromTimm(timm, imageSize, join(folder, CONFIG)) };
}

/** The weights of a folder: one file, or the shards that its index lists. */
async function openFolder(folder: string, open: (file: string) => Promise<TensorFile>): Promise<TensorFile[]> {
  const names = await readdir(folder);
  const kind = FOLDER_FILES.find(({ weights, index }) => names.includes(index) || names.includes(weights));
  if (kind === undefined) {
    const expected = FOLDER_FILES.flatMap(({ weights, index }) => [weights, index]);
    throw new CheckpointFormatError('NoWeights', folder, `holds none of ${expected.join(', ')}`);
  }
  const indexPath = join(folder, kind.index);
  const index = await readJson(indexPath);
  if (index === undefined) return [await open(join(folder, kind.weights))];
  const { weight_map: map } = index;
  if (!isObject(map)) {
    throw new CheckpointFormatError('InvalidIndex', indexPath, 'weight_map must be an object of tensor and file names');
  }
  const fileOf = new Map(Object.entries(map));
  for (const file of fileOf.values()) {
    if (typeof file !== 'string') {
      throw new CheckpointFormatError('InvalidIndex', indexPath, 'weight_map must map tensor names to file names');
    }
    if (/[/\\\0]/.test(file) || !file.endsWith(kind.ending)) {
      throw new PathError(file, `${indexPath} must name ${kind.ending} files of its own folder`);
    }
  }
  const tensorsOf = new Map<string, string[]>();
  for (const [tensor, file] of fileOf) {
    const listed = tensorsOf.get(file as string);
    if (listed === undefined) tensorsOf.set(file as string, [tensor]);
    else listed.push(tensor);
  }
  const files: TensorFile[] = [];
  for (const [name, listed] of [...tensorsOf].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const file = await open(join(folder, name));
    const own = new Set(file.names());
    const absent = listed.find((tensor) => !own.has(tensor));
    if (absent !== undefined) {
      throw new CheckpointFormatError('IndexMismatch', file.name, `${kind.index} looks for it here, it is not`, absent);
    }
    const extra = [...own].find((tensor) => fileOf.get(tensor) !== name);
    if (extra !== undefined) {
      throw new CheckpointFormatError('IndexMismatch', file.name, `${kind.index} does not list it for this file`,
        extra);
    }
    files.push(file);
  }
  if (files.length === 0) throw new CheckpointFormatError('InvalidIndex', indexPath, 'weight_map lists no tensor');
  return files;
}

/** What a text of JSON says, which must be an object. */
function objectOf(text: string, path: string): JsonObject {
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (cause) {
    throw new ConfigError(path, [`not valid JSON: ${shown((cause as Error).message)}`]);
  }
  if (!isObject(value)) throw new ConfigError(path, [`expected an object, got ${shownValue(value)}`]);
  return value;
}

/** The object of a JSON file, or undefined if there is none. */
async function readJson(path: string): Promise<JsonObject | undefined> {
  try {
    return objectOf((await readRegular(path)).toString(), path);
  } catch (error) {
    if (error instanceof FileError && error.systemCode === 'ENOENT') return undefined;
    throw error;
  }
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
