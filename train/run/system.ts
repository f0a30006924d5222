import { ConfigError, type FloatType, type Gpu, halve } from '../../engine/index.ts';
import { type Checkpoint, openCheckpoint } from '../../model/checkpoint/folder.node.ts';
import { officialPreprocessor, type Preprocessor } from '../../model/checkpoint/preprocessor.ts';
import { loadWeights, requireHeld } from '../../model/checkpoint/weights.ts';
import { initialise } from '../../model/parts/init.ts';
import { LEARNED_VECTORS } from '../../model/parts/learned_prompt.ts';
import { type Architecture, architectureOf, configFor, type ModelConfig, PRESETS,
  type SystemName } from '../../model/systems/config.ts';
import { createModel } from '../../model/systems/index.ts';
import type { System, VideoModel } from '../../model/systems/system.ts';
import type { ClipTokenizer } from '../../model/tokenizer.ts';
import { clipTokenizer } from '../../model/tokenizer.node.ts';
import { requireFiniteWeights } from '../protocols/finite.ts';
import type { TrainConfig } from './config_keys.ts';

/**
 * The model that a configuration asks for: a system with the sizes of a checkpoint, or of a preset.
 *
 * @param classes names, of which a head has a row each
 */
export async function modelConfigOf(config: TrainConfig, classes: readonly string[]): Promise<ModelConfig> {
  const { checkpoint: path, preset } = config.model;
  const checkpoint = path === null ? undefined : await openCheckpoint(path);
  await checkpoint?.close();
  if (checkpoint !== undefined) requireHeld(checkpoint.config, checkpoint.weights);
  return forData(checkpoint === undefined
    ? PRESETS[preset as keyof typeof PRESETS]
    : architectureOf(checkpoint.config), config, classes);
}

/**
 * The system that a configuration asks for, with the sizes of an architecture, for its clips.
 * @throws ConfigError if it takes pictures of another size
 */
export function forData(architecture: Architecture,
  { model: { system, messages, integration, prompts, interpolatePatches }, data }: TrainConfig,
  classes: readonly string[]): ModelConfig {
  const { imageSize, patch } = architecture.vision;
  if (imageSize !== data.size && !interpolatePatches) {
    throw new ConfigError('data.size', [`is ${data.size}, the model takes pictures of ${imageSize}`],
      `set data.size to ${imageSize}, or interpolate its positions: model.interpolatePatches=true`);
  }
  if (data.size % patch !== 0) {
    throw new ConfigError('data.size', [`is ${data.size}, the model takes pictures of whole patches of ${patch}`],
      `set data.size to ${patch * Math.max(1, Math.round(data.size / patch))}`);
  }
  if (system === 'clip-one' && data.frames !== 1) {
    throw new ConfigError('data.frames', [`is ${data.frames}, clip-one takes one frame: a random one in training`],
      'set data.frames to 1');
  }
  const vision = { ...architecture.vision, imageSize: data.size };
  return configFor(system, { ...architecture, vision, frames: data.frames }, { messages, integration, classes,
    ...(prompts === 'learned' ? { vectors: LEARNED_VECTORS } : prompts !== null && { prompts }) });
}

/** The tokenizer of the checkpoint that a run starts from; CLIP's, where that has none. */
export async function tokenizerOf({ model }: TrainConfig): Promise<ClipTokenizer> {
  const checkpoint = model.checkpoint === null ? undefined : await openCheckpoint(model.checkpoint);
  await checkpoint?.close();
  return checkpoint?.tokenizer ?? clipTokenizer();
}

/** The model of a run; its parameters are zero. */
export function newModel(gpu: Gpu, { model, train }: TrainConfig, config: ModelConfig): VideoModel {
  return createModel(gpu, config, { dropPath: model.dropPath, recompute: train.recompute });
}

/**
 * Builds what a configuration describes: drawn from its seed, or filled from its checkpoint as far as that has the
 * parts.
 *
 * @param classes as `modelConfigOf` takes them
 */
export async function buildSystem(gpu: Gpu, run: TrainConfig, classes: readonly string[]): Promise<System> {
  const { model: options, data, train } = run;
  const config = await modelConfigOf(run, classes);
  const checkpoint = options.checkpoint === null ? undefined : await openCheckpoint(options.checkpoint);
  try {
    const model = await orDisposed(newModel(gpu, run, config), async (made) => {
      const loaded = checkpoint === undefined ? [] : await loadTowers(made, checkpoint, options);
      initialise(made, run.run.seed, (name) => made.startOf(name, options.init), new Set(loaded));
      if (train.precision === 'f16') halve(made);
    });
    return { model, tokenizer: checkpoint?.tokenizer ?? (await clipTokenizer()),
      preprocessor: trainingPreprocessor(config.vision.imageSize, data.crop, checkpoint?.preprocessor) };
  } finally {
    await checkpoint?.close();
  }
}

/**
 * What a model is trained with, and then evaluated with: the geometry of the recipe, the statistics of the checkpoint
 * that it starts from.
 *
 * @param crop the recipe's short side, of which training cuts out parts; else the largest square in the middle
 */
export function trainingPreprocessor(imageSize: number, crop: boolean, start?: Preprocessor): Preprocessor {
  const official = officialPreprocessor(imageSize);
  const resize = crop ? official.resize : { shortSide: imageSize, resampling: 'bilinear' } as const;
  return { ...(start ?? official), resize };
}

/** Parts that no checkpoint need have may be there, all others must be. Returns the names of what was. */
async function loadTowers(model: VideoModel, { weights }: Checkpoint,
  { interpolateFrames, interpolatePatches }: TrainConfig['model']): Promise<string[]> {
  const isNew = (name: string) => model.parts.some((part) => part.isNew && part.matches(name));
  const towers = await loadWeights(model, weights, { select: (name) => !isNew(name), interpolatePatches });
  const others = await loadWeights(model, weights, { select: isNew, allowMissing: true, interpolateFrames });
  return [...towers, ...others];
}

/** A model that is filled, or else gives its memory back. */
async function orDisposed<M extends VideoModel>(model: M, fill: (model: M) => Promise<void>): Promise<M> {
  try {
    await fill(model);
    return model;
  } catch (error) {
    model.dispose();
    throw error;
  }
}

export interface OpenOptions {
  /** Another system than the checkpoint's; it takes of the weights what it has. */
  readonly system?: SystemName;
  readonly precision?: FloatType;
  /** Another number of frames than the checkpoint's: its positions are interpolated. */
  readonly frames?: number;
}

/**
 * Opens a trained model to be used as it is.
 *
 * @throws NonFiniteError naming a weight that is NaN or infinite, or too large for the precision
 */
export async function openSystem(gpu: Gpu, path: string,
  { system, precision = 'f32', frames }: OpenOptions = {}): Promise<System> {
  const checkpoint = await openCheckpoint(path);
  try {
    const { config, weights } = checkpoint;
    requireHeld(config, weights);
    const own = system === undefined || system === config.system ? config : configFor(system, architectureOf(config));
    const empty = createModel(gpu, { ...own, frames: frames ?? own.frames });
    const model = await orDisposed(empty, async (made) => {
      const names = new Set([...made.parameters()].map(([name]) => name));
      await loadWeights(made, weights, { interpolateFrames: frames !== undefined,
        ...(own !== config && { select: (name) => names.has(name) }) });
      if (precision === 'f32') return;
      halve(made);
      await requireFiniteWeights(made);
    });
    return { model, tokenizer: checkpoint.tokenizer ?? (await clipTokenizer()), preprocessor: checkpoint.preprocessor };
  } finally {
    await checkpoint.close();
  }
}
