/** From a checkpoint to a system that can be used: the same in Node and in browsers. */
import { ConfigError, type FloatType, type Gpu, storedAs } from '../../engine/index.ts';
import { architectureOf, configFor, imageSizeOf, isNetworkName, type ModelConfig, resized, type SystemName,
  textConfigOf, type TowerConfig, towersOf, validateConfig } from '../systems/config.ts';
import { createModel } from '../systems/index.ts';
import type { System, VideoModel } from '../systems/system.ts';
import type { ClipTokenizer } from '../tokenizer.ts';
import type { Checkpoint } from './checkpoint.ts';
import { loadWeights } from './loading.ts';
import { resizedBy } from './preprocessor.ts';
import { TOKEN_TABLE, withFewTokens } from './token_table.ts';
import { checkWeights, requireHeld } from './weights.ts';

/** How a checkpoint is taken. */
export interface SystemOptions {
  /** Another system than the checkpoint's; it takes of the weights what it has. */
  readonly system?: SystemName;
  readonly precision?: FloatType;
  /** Another number of frames than the checkpoint's: its positions are interpolated. */
  readonly frames?: number;
  /** Pictures of another size than the checkpoint's, likewise; they are resized in proportion. */
  readonly size?: number;
}

export interface LoadOptions extends SystemOptions {
  /** CLIP's, for a checkpoint without a tokenizer of its own. */
  clipTokenizer(): Promise<ClipTokenizer>;
  /** Leave the table of tokens empty, with room for those of a few texts: `TokenTable` has them. */
  readonly hasFewTokens?: boolean;
}

/** What is made of a model, or else its memory given back. */
export async function orDisposed<T>(model: VideoModel, make: (model: VideoModel) => Promise<T>): Promise<T> {
  try {
    return await make(model);
  } catch (error) {
    model.dispose();
    throw error;
  }
}

/** The system that takes of a checkpoint's towers what it has. */
function asSystem(system: SystemName, config: ModelConfig, path: string): TowerConfig {
  if (isNetworkName(system)) throw new ConfigError(path, [`is of ${config.system}, and cannot be taken for ${system}`]);
  return configFor(system, architectureOf(towersOf(config, path)));
}

/**
 * Fills a model from a checkpoint, to be used as it is.
 *
 * @throws NonFiniteError naming a weight that is NaN or infinite, or too large for the precision
 */
export async function loadSystem(gpu: Gpu, { path, config, weights, preprocessor, ...checkpoint }: Checkpoint,
  { system, precision = 'f32', frames, size, clipTokenizer, hasFewTokens = false }: LoadOptions): Promise<System> {
  requireHeld(config, weights);
  const own = system === undefined || system === config.system ? config : asSystem(system, config, path);
  const shown = validateConfig(resized(own, { frames, imageSize: size }), path);
  const tokenizer = checkpoint.tokenizer ?? (await clipTokenizer());
  const made = storedAs(precision, () => createModel(gpu, hasFewTokens ? withFewTokens(shown, tokenizer) : shown));
  return await orDisposed(made, async (model) => {
    const names = new Set([...model.state()].map(([name]) => name));
    const demands = { interpolateFrames: frames !== undefined, interpolatePatches: size !== undefined,
      ...(own !== config && { select: (name: string) => names.has(name) }) };
    if (hasFewTokens) {
      const vocab = textConfigOf(shown)?.vocab as number;
      const stated = [...model.state()].map(([name, { shape, dtype }]) =>
        [name, { shape: name === TOKEN_TABLE ? [vocab, shape[1]] : shape, dtype }] as const
      );
      checkWeights(stated, weights, demands);
    }
    await loadWeights(model, weights,
      hasFewTokens ? { ...demands, select: (name) => name !== TOKEN_TABLE && names.has(name) } : demands);
    if (precision === 'f16') gpu.pool.trim(); // of what came in as f32
    return { model, tokenizer, preprocessor: resizedBy(preprocessor, imageSizeOf(shown) / imageSizeOf(own)) };
  });
}
