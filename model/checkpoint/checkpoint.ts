/** Checkpoints, opened from wherever their files lie: a Hugging Face folder, or one file in either naming. */
import { CheckpointFormatError, ConfigError, PathError } from '../../engine/errors.ts';
import { FileError } from '../../engine/file_error.ts';
import { isObject, type JsonObject, parseJson } from '../../engine/json.ts';
import { shown, shownValue } from '../../engine/shown.ts';
import type { TextConfig } from '../parts/text.ts';
import { CLIP_VOCAB, imageSizeOf, isNetwork, isTimeSformer, type ModelConfig,
  textConfigOf } from '../systems/config.ts';
import type { ClipTokenizer } from '../tokenizer.ts';
import { CONFIG, type Folder, INDEX, type OpenBytes, type Place, PREPROCESSOR, PROCESSOR, textIn,
  WEIGHTS } from './folder.ts';
import { checkWindowBuffers, heldStatistics } from './held_buffers.ts';
import { configFromHuggingFace, oddHeads } from './huggingface.ts';
import { inferConfig } from './inferred.ts';
import { type Origin, ORIGINS } from './names/index.ts';
import { networkPreprocessor, officialPreprocessor, type Preprocessor, preprocessorFromHuggingFace,
  preprocessorFromTimm } from './preprocessor.ts';
import { openTensors, type TensorFile } from './open.ts';
import { readTokenizer } from './tokenizer_files.ts';
import { configFromVit, isVit } from './vit_config.ts';
import { TEXTS } from './encoding.ts';
import { Weights } from './weights.ts';

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
  readonly folder: Folder;
  close(): Promise<void>;
}

/** Opens the weights of a folder, or a single file, of safetensors or of PyTorch's, in the names of any origin. */
export async function openWeightsAt({ path, folder, file }: Place): Promise<OpenWeights> {
  const handles: OpenBytes[] = [];
  const close = async () => void (await Promise.all(handles.map((handle) => handle.close())));
  const open = async (name: string): Promise<TensorFile | undefined> => {
    const handle = await folder.open(name).catch((cause) => {
      throw cause instanceof FileError ? unreadable(folder, name, cause.reason) : cause;
    });
    if (handle === undefined) return undefined;
    handles.push(handle);
    return openTensors(handle);
  };
  try {
    const files = file === undefined ? await openFolder(folder, open) : [await required(folder, file, open)];
    return { weights: new Weights(path, files), files, folder, close };
  } catch (error) {
    await close();
    throw error;
  }
}

const unreadable = (folder: Folder, name: string, reason: string) =>
  new CheckpointFormatError('Unreadable', folder.pathOf(name), reason);

/** Opens a file of tensors, if it is there. */
type OpenTensors = (name: string) => Promise<TensorFile | undefined>;

async function required(folder: Folder, name: string, open: OpenTensors): Promise<TensorFile> {
  const file = await open(name);
  if (file !== undefined) return file;
  throw unreadable(folder, name, 'no such file or folder');
}

/** Opens a checkpoint with its configuration: a folder, or a single file whose names and shapes tell it. */
export async function openCheckpointAt(place: Place): Promise<Checkpoint> {
  const { weights, files, folder, close } = await openWeightsAt(place);
  try {
    const config = await configOf(folder, weights, files[0]);
    await checkWindowBuffers(weights, config);
    const { preprocessor, assumed } = await preprocessorOf(folder, weights, config, files[0]);
    const tokenizer = await readTokenizer(folder);
    const text = textConfigOf(config);
    if (text !== undefined) requireFitting(folder, text, tokenizer);
    const warnings = [...await warningsOf(folder, weights, config), ...assumed];
    return { path: place.path, config, weights, tokenizer, preprocessor, warnings, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** @throws ConfigError where texts of the tokenizer are not those of the text tower */
function requireFitting({ path }: Folder, { vocab, endOfText }: TextConfig,
  tokenizer: ClipTokenizer | undefined): void {
  if (tokenizer !== undefined && tokenizer.vocabSize > vocab) {
    throw new ConfigError(path, [`its tokenizer has ${tokenizer.vocabSize} tokens, the text tower knows ${vocab}`],
      'take tokenizer and weights from one checkpoint');
  }
  const end = tokenizer?.end ?? CLIP_VOCAB - 1;
  if (endOfText !== undefined && endOfText !== end) {
    throw new ConfigError(path, [
      `the text tower ends a text at token ${endOfText} (eos_token_id), its tokenizer at ${end}`,
    ], 'take tokenizer and configuration from one checkpoint');
  }
}

/** A file's own configuration, that of the folder, or what the shapes tell. */
export async function configOf(folder: Folder, weights: Weights, file: TensorFile): Promise<ModelConfig> {
  const own = file.metadata.get(TEXTS.config);
  if (own !== undefined) {
    const source = `${file.name}: ${TEXTS.config} in its metadata`;
    return configFromHuggingFace(objectOf(own, source), source);
  }
  // timm's names an architecture of its own, whose sizes the shapes tell
  if (isTimms(weights.origin)) return inferConfig(weights);
  const path = folder.pathOf(CONFIG);
  const json = await readJson(folder, CONFIG);
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
export async function warningsOf(folder: Folder, { origin }: Weights, config: ModelConfig): Promise<string[]> {
  const json = origin === 'hf' ? await readJson(folder, CONFIG) : undefined;
  return json === undefined ? [] : oddHeads(json, config).map((warning) => `${folder.pathOf(CONFIG)}: ${warning}`);
}

/** How pictures become pixels, and what of it is told, for nothing said it and trainings differ. */
interface Preprocessing {
  readonly preprocessor: Preprocessor;
  readonly assumed: readonly string[];
}

/** The file's own preprocessor, or the folder's, or that of the recipe where there is none. */
async function preprocessorOf(folder: Folder, weights: Weights, config: ModelConfig,
  { name, metadata }: TensorFile): Promise<Preprocessing> {
  const imageSize = imageSizeOf(config);
  const held = metadata.get(TEXTS.preprocessor);
  if (held !== undefined) {
    const source = `${name}: ${TEXTS.preprocessor} in its metadata`;
    return { preprocessor: preprocessorFromHuggingFace(objectOf(held, source), imageSize, source), assumed: [] };
  }
  const nested = (await readJson(folder, PROCESSOR))?.image_processor;
  if (nested !== undefined) {
    const source = `${folder.pathOf(PROCESSOR)}: image_processor`;
    return { preprocessor: preprocessorFromHuggingFace(nested, imageSize, source), assumed: [] };
  }
  const own = folder.pathOf(PREPROCESSOR);
  const json = await readJson(folder, PREPROCESSOR);
  if (json !== undefined) return { preprocessor: preprocessorFromHuggingFace(json, imageSize, own), assumed: [] };
  const timm = isTimms(weights.origin) ? await readJson(folder, CONFIG) : undefined;
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
    : preprocessorFromTimm(timm, imageSize, folder.pathOf(CONFIG)) };
}

/** The weights of a folder: one file, or the shards that its index lists. */
async function openFolder(folder: Folder, open: OpenTensors): Promise<readonly TensorFile[]> {
  for (const kind of FOLDER_FILES) {
    const index = await readJson(folder, kind.index);
    if (index !== undefined) return await openShards(folder, index, kind, open);
    const whole = await open(kind.weights);
    if (whole !== undefined) return [whole];
  }
  const expected = FOLDER_FILES.flatMap(({ weights, index }) => [weights, index]);
  throw new CheckpointFormatError('NoWeights', folder.path, `holds none of ${expected.join(', ')}`);
}

/** The shards that an index lists, with the tensors that it lists for each. */
async function openShards(folder: Folder, index: JsonObject, kind: (typeof FOLDER_FILES)[number],
  open: OpenTensors): Promise<TensorFile[]> {
  const indexPath = folder.pathOf(kind.index);
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
    const file = await required(folder, name, open);
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
async function readJson(folder: Folder, name: string): Promise<JsonObject | undefined> {
  const text = await textIn(folder, name);
  return text === undefined ? undefined : objectOf(text, folder.pathOf(name));
}
