/** What a run starts from: a published architecture, a checkpoint, or one for texts and another for pictures. */
import { ConfigError } from '../../engine/errors.ts';
import { openCheckpoint } from '../../model/checkpoint/folder.node.ts';
import { type NetworkStart, networkStart } from '../../model/checkpoint/starting.ts';
import { requireHeld } from '../../model/checkpoint/weights.ts';
import { type Architecture, architectureOf, hasTexts, type ModelConfig, familyOf, type NetworkName, PRESETS,
  textConfigOf, towersOf } from '../../model/systems/config.ts';
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
 * The sizes of a run's network: those of a preset or of a checkpoint.
 *
 * @throws ConfigError where the checkpoint is of a network with other parts
 */
export async function networkFrom({ system, preset, checkpoint }: TrainConfig['model'],
  configOf: ConfigOf = configHeld): Promise<NetworkStart> {
  const name = system as NetworkName;
  if (checkpoint === null) return { network: familyOf(name).presets[preset as string] };
  const own = networkStart(name, await configOf(checkpoint, 'checkpoint'));
  if (own !== undefined) return own;
  throw new ConfigError('model.checkpoint', [`${checkpoint} is of another network than ${system}`],
    `take one of a ${system}, or of what it starts from`);
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
  const own = towersOf(await configOf(checkpoint, 'checkpoint'), checkpoint);
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
  const seen = towersOf(await configOf(vision, 'vision'), vision);
  return architectureOf({ system: 'clip-mean', embedDim, frames, vision: seen.vision, text: architectureOf(own).text });
}
