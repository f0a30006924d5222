/** What a run starts from: a published architecture, a checkpoint, or one for texts and another for pictures. */
import { ConfigError } from '../../engine/errors.ts';
import { openCheckpoint } from '../../model/checkpoint/folder.node.ts';
import { requireHeld } from '../../model/checkpoint/weights.ts';
import { type Architecture, architectureOf, hasTexts, type ModelConfig, PRESETS,
  textConfigOf } from '../../model/systems/config.ts';
import type { TrainConfig } from './config_keys.ts';

/** A key that names a checkpoint. */
export type StartKey = 'checkpoint' | 'vision';

/** The configuration of the checkpoint that a key names. */
export type ConfigOf = (path: string, key: StartKey) => Promise<ModelConfig>;

/** The same, as its files have it. None of its weights is read. */
export async function configHeld(path: string): Promise<ModelConfig> {
  const { config, weights, close } = await openCheckpoint(path);
  await close();
  requireHeld(config, weights);
  return config;
}

/**
 * The sizes that a run's system takes its own from: those of a preset, of a checkpoint, or of two, the pictures' tower
 * of the one and all else of the other.
 *
 * @throws ConfigError where a system with texts is to start from a checkpoint without
 */
export async function architectureFrom({ system, preset, checkpoint, vision }: TrainConfig['model'],
  configOf: ConfigOf = configHeld): Promise<Architecture> {
  if (checkpoint === null) return PRESETS[preset as keyof typeof PRESETS];
  const own = await configOf(checkpoint, 'checkpoint');
  const text = textConfigOf(own);
  if (hasTexts(system) && text === undefined) {
    throw new ConfigError('model.checkpoint', [
      `${checkpoint} has no text tower, and ${system} compares videos with texts`,
    ], vision === null
      ? `take pictures from it, and texts from a CLIP: --set model.vision=${checkpoint} --set model.checkpoint=clip-vit-base-patch16`
      : 'take texts from a CLIP: --set model.checkpoint=clip-vit-base-patch16');
  }
  if (vision === null) return architectureOf(own);
  const { frames, embedDim } = architectureOf(own);
  const seen = await configOf(vision, 'vision');
  return architectureOf({ system: 'clip-mean', embedDim, frames, vision: seen.vision, text: architectureOf(own).text });
}
