import { ConfigError, type Gpu, halve } from '../../engine/index.ts';
import type { Checkpoint } from '../../model/checkpoint/checkpoint.ts';
import { openCheckpoint } from '../../model/checkpoint/folder.node.ts';
import { officialPreprocessor, type Preprocessor } from '../../model/checkpoint/preprocessor.ts';
import { loadWeights } from '../../model/checkpoint/loading.ts';
import { loadStart, namesOfStart, type NetworkStart } from '../../model/checkpoint/starting.ts';
import { loadSystem, orDisposed, type SystemOptions } from '../../model/checkpoint/system.ts';
import { freezeBatchNorms } from '../../model/parts/batch_norm.ts';
import { initialise } from '../../model/parts/init.ts';
import { LEARNED_VECTORS } from '../../model/parts/learned_prompt.ts';
import { type Architecture, type Choices, configFor, familyOf, imageSizeOf, isNetwork, isNetworkName, networkOf,
  type ModelConfig, type NetworkConfig, type NetworkName, type TowerConfig,
  type TowerName } from '../../model/systems/config.ts';
import { createModel } from '../../model/systems/index.ts';
import type { System, VideoModel } from '../../model/systems/system.ts';
import type { ClipTokenizer } from '../../model/tokenizer.ts';
import { clipTokenizer } from '../../model/tokenizer.node.ts';
import type { Cropping } from '../data/views/crops.ts';
import type { TrainConfig } from './config_keys.ts';
import { architectureFrom, type ConfigOf, networkFrom } from './start.ts';
import { tell } from './warnings.ts';

/**
 * The model that a configuration asks for: a system with the sizes of a checkpoint, or of two, or of a preset.
 *
 * @param classes names, of which a head has a row each
 */
export async function modelConfigOf(config: TrainConfig, classes: readonly string[],
  configOf?: ConfigOf): Promise<ModelConfig> {
  const { system } = config.model;
  return isNetworkName(system)
    ? networkForData(system, await networkFrom(config.model, configOf), config, classes)
    : forData(await architectureFrom(config.model, configOf), config, classes);
}

/**
 * The network that a configuration asks for, for its clips.
 * @throws ConfigError if it takes pictures of another size
 */
function networkForData(system: NetworkName, { network, imageSize }: NetworkStart, config: TrainConfig,
  classes: readonly string[]): NetworkConfig {
  const { frames, size } = config.data;
  requireSize(config, imageSize ?? size, familyOf(system).unit(network));
  return networkOf(system, network, { frames, imageSize: size, classes });
}

/** @throws ConfigError if pictures of a run are not of the size that a model takes, or not of whole patches */
function requireSize({ model, data }: TrainConfig, imageSize: number, patch: number): void {
  if (imageSize !== data.size && !model.interpolatePatches) {
    throw new ConfigError('data.size', [`is ${data.size}, the model takes pictures of ${imageSize}`],
      `set data.size to ${imageSize}, or interpolate its positions: model.interpolatePatches=true`);
  }
  if (data.size % patch !== 0) {
    throw new ConfigError('data.size', [`is ${data.size}, the model takes pictures of whole patches of ${patch}`],
      `set data.size to ${patch * Math.max(1, Math.round(data.size / patch))}`);
  }
}

/**
 * The system that a configuration asks for, with the sizes of an architecture, for its clips.
 * @throws ConfigError if it takes pictures of another size
 */
export function forData(architecture: Architecture, config: TrainConfig, classes: readonly string[]): TowerConfig {
  const { model, data } = config;
  const system = model.system as TowerName;
  requireSize(config, architecture.vision.imageSize, architecture.vision.patch);
  if (system === 'clip-one' && data.frames !== 1) {
    throw new ConfigError('data.frames', [`is ${data.frames}, clip-one takes one frame: a random one in training`],
      'set data.frames to 1');
  }
  const vision = { ...architecture.vision, imageSize: data.size };
  return configFor(system, { ...architecture, vision, frames: data.frames }, { ...choicesOf(model), classes });
}

/** The parts that a configuration asks for. */
export function choicesOf({ messages, integration, prompts }: TrainConfig['model']): Choices {
  return { messages, integration,
    ...(prompts === 'learned' ? { vectors: LEARNED_VECTORS } : prompts !== null && { prompts }) };
}

/** The tokenizer of the checkpoint that a run starts from; CLIP's, where that has none. */
export async function tokenizerOf({ model }: TrainConfig): Promise<ClipTokenizer> {
  const checkpoint = model.checkpoint === null ? undefined : await openCheckpoint(model.checkpoint);
  await checkpoint?.close();
  return checkpoint?.tokenizer ?? clipTokenizer();
}

/**
 * The model of a run; its parameters are zero.
 * @throws ConfigError if batch norms are to be frozen and there are none
 */
export function newModel(gpu: Gpu, { model, train }: TrainConfig, config: ModelConfig): VideoModel {
  const { dropPath, dropout } = model;
  const built = createModel(gpu, config, { dropPath, dropout, recompute: train.recompute });
  if (freezeBatchNorms(built, train.batchNorm) || train.batchNorm === 'train') return built;
  built.dispose();
  throw new ConfigError('train.batchNorm', [`is ${train.batchNorm}, ${config.system} has no batch norm`],
    'leave it out');
}

/**
 * Builds what a configuration describes: drawn from its seed, or filled from its checkpoints as far as they have the
 * parts.
 *
 * @param classes as `modelConfigOf` takes them
 */
export async function buildSystem(gpu: Gpu, run: TrainConfig, classes: readonly string[]): Promise<System> {
  const { model: options, data, train } = run;
  const config = await modelConfigOf(run, classes);
  return orDisposed(newModel(gpu, run, config), async (model) => {
    const own = await fill(model, options.checkpoint, options, (name) => options.vision === null || !isVisual(name));
    const seen = await fill(model, options.vision, options, isVisual);
    initialise(model, run.run.seed, (name) => model.startOf(name, options.init),
      new Set([...own.loaded, ...seen.loaded]));
    if (train.precision === 'f16') halve(model);
    return { model, tokenizer: own.tokenizer ?? (await clipTokenizer()),
      preprocessor: trainingPreprocessor(imageSizeOf(config), data.crop, seen.preprocessor ?? own.preprocessor) };
  });
}

const isVisual = (name: string) => name.startsWith('visual.');

/**
 * What a model is trained with, and then evaluated with: the geometry of the recipe, the statistics of the checkpoint
 * that its pictures start from.
 *
 * @param crop the recipe's short side, of which training cuts out parts; else the largest square in the middle
 */
export function trainingPreprocessor(imageSize: number, crop: Cropping, start?: Preprocessor): Preprocessor {
  const official = officialPreprocessor(imageSize);
  const resize = crop !== false ? official.resize : { shortSide: imageSize, resampling: 'bilinear' } as const;
  return { ...(start ?? official), resize };
}

/** What a checkpoint gave. */
interface Filled extends Partial<Pick<Checkpoint, 'tokenizer' | 'preprocessor'>> {
  /** Names of the parameters that it had. */
  readonly loaded: readonly string[];
}

/**
 * Fills a model from a checkpoint, if there is one: parts that no checkpoint need have may be there, all others must
 * be. A head for other classes is left aside.
 *
 * @param isOf which parameters it is there for
 */
async function fill(model: VideoModel, path: string | null,
  { interpolateFrames, interpolatePatches }: TrainConfig['model'], isOf: (name: string) => boolean): Promise<Filled> {
  if (path === null) return { loaded: [] };
  const { config, weights, tokenizer, preprocessor, warnings, close } = await openCheckpoint(path);
  tell(warnings);
  try {
    // a head has a row for each class: one of other classes says nothing
    const isOther = 'classes' in config && JSON.stringify(config.classes) !== JSON.stringify(model.classes);
    const isHead = (name: string) => model.parts.some((part) => part.name === 'head' && part.matches(name));
    const isMeant = (name: string) => isOf(name) && !(isOther && isHead(name));
    const isNew = (name: string) => model.parts.some((part) => part.isNew && part.matches(name));
    const names = isNetwork(model.config) ? namesOfStart(model.config.system, config) : undefined;
    if (names !== undefined) {
      return { loaded: await loadStart(model, names, weights, { interpolatePatches }), preprocessor };
    }
    const towers = await loadWeights(model, weights, { select: (name) => isMeant(name) && !isNew(name),
      interpolateFrames, interpolatePatches });
    const others = await loadWeights(model, weights, { select: (name) => isMeant(name) && isNew(name),
      allowMissing: true, interpolateFrames });
    return { loaded: [...towers, ...others], tokenizer, preprocessor };
  } finally {
    await close();
  }
}

/**
 * Opens a trained model to be used as it is.
 *
 * @throws NonFiniteError naming a weight that is NaN or infinite, or too large for the precision
 */
export async function openSystem(gpu: Gpu, path: string, options: SystemOptions = {}): Promise<System> {
  const checkpoint = await openCheckpoint(path);
  try {
    tell(checkpoint.warnings);
    return await loadSystem(gpu, checkpoint, { ...options, clipTokenizer });
  } finally {
    await checkpoint.close();
  }
}
