/** Networks of videos with a head for fixed classes, built of other parts than CLIP's: their sizes. */
import type { TimeSformerSizes } from '../parts/timesformer.ts';
import { activationProblems, countProblems, divideProblems, epsProblems } from './sizes.ts';

/** What all networks have. */
interface Common {
  /** Frames per video. */
  readonly frames: number;
  /** Side of a frame, in pixels. */
  readonly imageSize: number;
  /** Names of the classes, in the order of the head's rows. */
  readonly classes: readonly string[];
}

/** Attention over time and over space in turn, over both at once, or over space alone. */
export interface TimeSformerConfig extends Common {
  readonly system: 'timesformer' | 'timesformer-joint' | 'timesformer-space';
  readonly network: TimeSformerSizes;
}

/** What fixes the parameters of a network. */
export type NetworkConfig = TimeSformerConfig;
/** What a configuration calls one of them. */
export type NetworkName = NetworkConfig['system'];
/** Sizes of the parts of one. */
type Sizes = NetworkConfig['network'];

const VIT_B16: TimeSformerSizes = { activation: 'gelu', width: 768, layers: 12, heads: 12, mlp: 3072, patch: 16,
  eps: 1e-6 };
const TIMESFORMERS = {
  'B/16': VIT_B16,
  'L/16': { ...VIT_B16, width: 1024, layers: 24, heads: 16, mlp: 4096 },
  tiny: { ...VIT_B16, width: 64, layers: 3, heads: 2, mlp: 256, patch: 8 },
} as const satisfies Record<string, TimeSformerSizes>;

/** The published sizes of each network, and tiny ones that learn in minutes without a GPU. */
export const NETWORK_PRESETS: Readonly<Record<NetworkName, Readonly<Record<string, Sizes>>>> = {
  timesformer: TIMESFORMERS,
  'timesformer-joint': TIMESFORMERS,
  'timesformer-space': TIMESFORMERS,
};

/** All networks. */
export const NETWORK_NAMES = Object.keys(NETWORK_PRESETS) as NetworkName[];

/** A network of published sizes. */
export function networkFor(system: NetworkName, preset: string, clips: Common): NetworkConfig {
  return { ...clips, system, network: NETWORK_PRESETS[system][preset] };
}

/** Whether a configuration is of such a network. */
export function isNetwork(config: { readonly system: string }): config is NetworkConfig {
  return isNetworkName(config.system);
}

/** Whether a system is such a network. */
export const isNetworkName = (system: string): system is NetworkName => Object.hasOwn(NETWORK_PRESETS, system);

/** The published sizes that a network has. */
export function networkPresetOf({ system, network }: NetworkConfig): string | undefined {
  const own = JSON.stringify(network);
  return Object.entries<object>(NETWORK_PRESETS[system]).find(([, sizes]) => JSON.stringify(sizes) === own)?.[0];
}

/** What sizes may be at most: several times those of the largest networks there are. */
const MOST: Readonly<Record<string, number>> = { frames: 1024, imageSize: 4096, width: 2 ** 14, layers: 256, heads: 256,
  mlp: 2 ** 16, patch: 1024 };

/** What is wrong in a configuration from outside. */
export function networkProblems({ frames, imageSize, network }: NetworkConfig): string[] {
  const { activation, eps, ...sizes } = network;
  const problems = [
    ...Object.entries({ frames, imageSize, ...sizes }).flatMap(([name, value]) =>
      countProblems(name, value, MOST[name])
    ),
    ...activationProblems('activation', activation),
    ...epsProblems('eps', eps),
  ];
  return problems.length > 0 ? problems : [
    ...divideProblems('heads', sizes.heads, 'width', sizes.width),
    ...divideProblems('patch', sizes.patch, 'imageSize', imageSize),
  ];
}
