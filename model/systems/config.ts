/** What fixes a model: its system, and the sizes of its parts. */
import { ConfigError } from '../../engine/errors.ts';
import type { TextConfig } from '../parts/text.ts';
import { familyOf, isNetwork, isNetworkName, NETWORK_NAMES, type NetworkConfig, networkPresetOf,
  networkProblems } from './network_config.ts';
import { PRESETS, TOWER_NAMES, type TowerConfig, towerPresetOf, towerProblems } from './tower_config.ts';

export * from './network_config.ts';
export * from './tower_config.ts';

/** Everything that fixes the shapes of the parameters, the number of attention heads and the activations. */
export type ModelConfig = TowerConfig | NetworkConfig;
/** What a configuration calls a system. */
export type SystemName = ModelConfig['system'];

/** All systems. */
export const SYSTEM_NAMES = [...TOWER_NAMES, ...NETWORK_NAMES] as const satisfies readonly SystemName[];

/** Side of a frame, in pixels. */
export const imageSizeOf = (config: ModelConfig): number =>
  isNetwork(config) ? config.imageSize : config.vision.imageSize;

/** The same model for other clips. */
export function resized<C extends ModelConfig>(config: C, { frames = config.frames, imageSize = imageSizeOf(config) }: {
  readonly frames?: number;
  readonly imageSize?: number;
}): C {
  return isNetwork(config)
    ? { ...config, frames, imageSize }
    : { ...config, frames, vision: { ...config.vision, imageSize } };
}

/** What texts a system compares videos with; undefined of one with a head for fixed classes. */
export function textConfigOf(config: ModelConfig): TextConfig | undefined {
  if (isNetwork(config)) return config.system === 'x-florence' ? config.network.text : undefined;
  return 'text' in config ? config.text : undefined;
}

/** Systems that compare videos with texts. */
const WITH_TEXTS: readonly SystemName[] = ['xclip', 'clip-one', 'clip-mean', 'clip-joint', 'x-florence'];

/** Systems whose positions and weights of blocks can be drawn wider than published. */
const DRAWN_WIDER: readonly SystemName[] = ['timesformer', 'timesformer-joint', 'timesformer-space', 'video-swin',
  'coswin'];

/** Width of the features of texts; undefined of a system without. */
export function textWidthOf(config: ModelConfig): number | undefined {
  if (isNetwork(config)) return config.system === 'x-florence' ? config.network.embedDim : undefined;
  return 'text' in config ? config.embedDim : undefined;
}

/**
 * The configuration of a model whose frames a ViT sees.
 *
 * @param source names it in errors
 * @throws ConfigError of another network
 */
export function towersOf(config: ModelConfig, source: string): TowerConfig {
  if (!isNetwork(config)) return config;
  throw new ConfigError(source, [`is a ${config.system}, which has none of the towers of ${TOWER_NAMES.join(', ')}`]);
}

/** The same with one block in place of all that are alike. */
export function withOneBlock(config: ModelConfig): ModelConfig {
  return isNetwork(config)
    ? { ...config, network: familyOf(config.system).shortest(config.network) } as NetworkConfig
    : { ...config, vision: { ...config.vision, layers: 1 } };
}

/** Learned vectors that a system has in front of its texts. */
export const vectorsOf = (config: ModelConfig): number => ('vectors' in config ? config.vectors ?? 0 : 0);

/** Whether a system compares videos with texts. */
export const hasTexts = (system: SystemName): boolean => WITH_TEXTS.includes(system);

/** Whether `positions` and `weights` of `StartOptions` are of a system. */
export const drawsWider = (system: SystemName): boolean => DRAWN_WIDER.includes(system);

/** The published architecture that a model has. */
export const presetOf = (config: ModelConfig): string | undefined =>
  isNetwork(config) ? networkPresetOf(config) : towerPresetOf(config);

/** Names of the architectures that a system has. */
export const presetsOf = (system: SystemName): string[] =>
  Object.keys(isNetworkName(system) ? familyOf(system).presets : PRESETS);

/** Names of all architectures. */
export const PRESET_NAMES = [...new Set(SYSTEM_NAMES.flatMap(presetsOf))];

/** Checks a configuration from outside; throws one error with all problems. `source` names where it came from. */
export function validateConfig<C extends ModelConfig>(config: C, source: string): C {
  const problems = isNetwork(config) ? networkProblems(config) : towerProblems(config);
  if (problems.length > 0) throw new ConfigError(source, problems);
  return config;
}
