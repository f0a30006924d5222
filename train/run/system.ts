import { ConfigError, type FloatType, type Gpu, halve } from '../../engine/index.ts';
import { type Checkpoint, openCheckpoint } from '../../model/checkpoint/folder.node.ts';
import { officialPreprocessor, type Preprocessor } from '../../model/checkpoint/preprocessor.ts';
import { loadWeights, requireHeld } from '../../model/checkpoint/weights.ts';
import { Clip } from '../../model/clip.ts';
import { PRESETS, type XclipConfig } from '../../model/config.ts';
import { type Init, initialise, truncatedNormal } from '../../model/init.ts';
import type { System, VideoModel } from '../../model/system.ts';
import type { ClipTokenizer } from '../../model/tokenizer.ts';
import { clipTokenizer } from '../../model/tokenizer.node.ts';
import { Xclip } from '../../model/xclip.ts';
import { requireFiniteWeights } from '../protocols/finite.ts';
import type { TrainConfig } from './config_keys.ts';

/** Parts that X-CLIP adds to CLIP: a CLIP checkpoint does not have them. */
const isNew = (name: string) => /message_|^mit\.|^prompts_/.test(name);

/** The architecture that a configuration asks for. */
export async function modelConfigOf(config: TrainConfig): Promise<XclipConfig> {
  const { checkpoint: path, preset } = config.model;
  const checkpoint = path === null ? undefined : await openCheckpoint(path);
  await checkpoint?.close();
  if (checkpoint !== undefined) requireHeld(checkpoint.config, checkpoint.weights);
  return forData(checkpoint?.config ?? PRESETS[preset as keyof typeof PRESETS], config);
}

/**
 * An architecture for the clips of a configuration.
 * @throws ConfigError if it takes pictures of another size
 */
export function forData(architecture: XclipConfig, { data }: TrainConfig): XclipConfig {
  const config = { ...architecture, frames: data.frames };
  const { imageSize } = config.vision;
  if (imageSize !== data.size) {
    throw new ConfigError('data.size', [`is ${data.size}, the model takes pictures of ${imageSize}`],
      `set data.size to ${imageSize}`);
  }
  return config;
}

/** The tokenizer of the checkpoint that a run starts from; CLIP's, where that has none. */
export async function tokenizerOf({ model }: TrainConfig): Promise<ClipTokenizer> {
  const checkpoint = model.checkpoint === null ? undefined : await openCheckpoint(model.checkpoint);
  await checkpoint?.close();
  return checkpoint?.tokenizer ?? clipTokenizer();
}

/** A model of the system that a configuration asks for; its parameters are zero. */
export function newModel(gpu: Gpu, { model, train }: TrainConfig, config: XclipConfig): VideoModel {
  return model.system === 'xclip'
    ? new Xclip(gpu, config, { dropPath: model.dropPath, recompute: train.recompute })
    : new Clip(gpu, config);
}

/**
 * Builds what a configuration describes: drawn from its seed, or filled from its checkpoint as far as that has the
 * parts.
 */
export async function buildSystem(gpu: Gpu, run: TrainConfig): Promise<System> {
  const { model: options, data, train } = run;
  const config = await modelConfigOf(run);
  const checkpoint = options.checkpoint === null ? undefined : await openCheckpoint(options.checkpoint);
  try {
    const model = await orDisposed(newModel(gpu, run, config), async (made) => {
      const loaded = checkpoint === undefined ? [] : await loadTowers(made, checkpoint, options.interpolateFrames);
      initialise(made, run.run.seed, startOf(options.init), new Set(loaded));
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

/** CLIP's parts must be there, X-CLIP's may be. Returns the names of what was. */
async function loadTowers(model: VideoModel, { weights }: Checkpoint, interpolateFrames: boolean): Promise<string[]> {
  const towers = await loadWeights(model, weights, { select: (name) => !isNew(name) });
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
  readonly system?: TrainConfig['model']['system'];
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
  { system = 'xclip', precision = 'f32', frames }: OpenOptions = {}): Promise<System> {
  const checkpoint = await openCheckpoint(path);
  try {
    requireHeld(checkpoint.config, checkpoint.weights);
    const config = { ...checkpoint.config, frames: frames ?? checkpoint.config.frames };
    const empty = system === 'xclip' ? new Xclip(gpu, config) : new Clip(gpu, config);
    const model = await orDisposed(empty, async (made) => {
      const own = new Set([...made.parameters()].map(([name]) => name));
      await loadWeights(made, checkpoint.weights,
        system === 'xclip' ? { interpolateFrames: frames !== undefined } : { select: (name) => own.has(name) });
      if (precision === 'f32') return;
      halve(made);
      await requireFiniteWeights(made);
    });
    return { model, tokenizer: checkpoint.tokenizer ?? (await clipTokenizer()), preprocessor: checkpoint.preprocessor };
  } finally {
    await checkpoint.close();
  }
}

/** How the parts that are trained from nothing start, where the configuration says so. */
function startOf(
  { mitPositions, mitWeights, promptWeights }: TrainConfig['model']['init'],
): (name: string) => Init | undefined {
  return (name) => {
    if (name === 'mit.positional_embedding') return truncatedNormal(mitPositions);
    if (/^mit\..*(out_proj|c_fc|c_proj)\.weight$/.test(name)) return truncatedNormal(mitWeights);
    if (/^prompts_generator\..*(proj|mlp\.\d)\.weight$/.test(name)) return truncatedNormal(promptWeights);
    return undefined;
  };
}
