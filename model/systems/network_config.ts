/** Networks of videos with a head for fixed classes, built of other parts than CLIP's: their sizes. */
import { type CoSwinConfig, COSWINS, type FlorenceConfig, FLORENCES } from './coswin_config.ts';
import type { Family, WithHead } from './family.ts';
import { countProblems, divideProblems, MOST } from './sizes.ts';
import { TIMESFORMERS, type TimeSformerConfig } from './timesformer_config.ts';
import { RESNETS, type TsmConfig } from './tsm_config.ts';
import { type SwinConfig, SWINS } from './video_swin_config.ts';
import { type VideoMaeConfig, VIDEOMAES } from './videomae_config.ts';

export type { CoSwinConfig, FlorenceConfig } from './coswin_config.ts';
export type { TimeSformerConfig } from './timesformer_config.ts';
export { areNumbered, numberedClasses } from './family.ts';
export { RESNETS, type TsmConfig } from './tsm_config.ts';
export { type SwinConfig, SWINS } from './video_swin_config.ts';
export { type VideoMaeConfig, VIDEOMAES } from './videomae_config.ts';

/** What fixes the parameters of a network. */
export type NetworkConfig = TimeSformerConfig | TsmConfig | SwinConfig | VideoMaeConfig | CoSwinConfig | FlorenceConfig;
/** What a configuration calls one of them. */
export type NetworkName = NetworkConfig['system'];
/** Sizes of the parts of one. */
export type NetworkSizes = NetworkConfig['network'];

const FAMILIES: { readonly [C in NetworkConfig as C['system']]: Family<C['network']> } = {
  timesformer: TIMESFORMERS,
  'timesformer-joint': TIMESFORMERS,
  'timesformer-space': TIMESFORMERS,
  tsm: RESNETS,
  tsn: RESNETS,
  'video-swin': SWINS,
  videomae: VIDEOMAES,
  coswin: COSWINS,
  'x-florence': FLORENCES,
};

/** All networks. */
export const NETWORK_NAMES = Object.keys(FAMILIES) as NetworkName[];

/** What is known of networks like one. */
export const familyOf = (system: NetworkName) => FAMILIES[system] as Family<NetworkSizes>;

/** A network of published sizes. */
export function networkFor(system: NetworkName, preset: string, clips: WithHead): NetworkConfig {
  return networkOf(system, familyOf(system).presets[preset], clips);
}

/** A network of given sizes. Of classes those know that have a head. */
export function networkOf(system: NetworkName, network: NetworkSizes, { classes, ...clips }: WithHead): NetworkConfig {
  return { ...clips, ...(system !== 'x-florence' && { classes }), system, network } as NetworkConfig;
}

/** Whether a configuration is of such a network. */
export function isNetwork(config: { readonly system: string }): config is NetworkConfig {
  return isNetworkName(config.system);
}

/** Whether a system is such a network. */
export const isNetworkName = (system: string): system is NetworkName => Object.hasOwn(FAMILIES, system);

/** Whether a network is a TimeSformer, of any kind. */
export const isTimeSformer = (config: NetworkConfig): config is TimeSformerConfig =>
  config.system.startsWith('timesformer');

/** The published sizes that a network has. */
export function networkPresetOf({ system, network }: NetworkConfig): string | undefined {
  const own = JSON.stringify(network);
  return Object.entries(familyOf(system).presets).find(([, sizes]) => JSON.stringify(sizes) === own)?.[0];
}

/** What is wrong in a configuration from outside. */
export function networkProblems({ system, frames, imageSize, network }: NetworkConfig): string[] {
  const family = familyOf(system);
  const problems = [
    ...Object.entries({ frames, imageSize }).flatMap(([name, value]) => countProblems(name, value, MOST[name])),
    ...family.problems(network),
  ];
  return problems.length > 0 ? problems : [
    ...divideProblems('patch', family.unit(network), 'imageSize', imageSize),
    ...divideProblems('tubelet', family.frameUnit?.(network) ?? 1, 'frames', frames),
  ];
}
