/** Networks that start from a checkpoint of another model: of which, and which parameters are made of which. */
import type { AnyTensor } from '../../engine/index.ts';
import type { SwinSizes } from '../parts/swin.ts';
import { isNetwork, type ModelConfig, type NetworkConfig, type NetworkName,
  type SwinConfig } from '../systems/config.ts';
import type { VideoModel } from '../systems/system.ts';
import { loadWeights } from './loading.ts';
import { UNSHIFTED } from './names/resnet.ts';
import { TIMESFORMER_ROWS } from './names/timesformer.ts';
import { Names } from './names/index.ts';
import type { Demands, Weights } from './weights.ts';

/** Sizes of a network, and the side of the pictures that they are for; undefined: of any. */
export interface NetworkStart {
  readonly network: NetworkConfig['network'];
  readonly imageSize?: number;
}

/** The sizes that a network takes from a checkpoint; undefined of one that it cannot start from. */
export function networkStart(system: NetworkName, config: ModelConfig): NetworkStart | undefined {
  if (isNetwork(config)) {
    const { network, imageSize } = config;
    if (isOfPictures(config)) return { network: { ...config.network, ...inflatedSizes(config.network) } };
    if (config.system === system) return { network, ...(hasPositions(system) && { imageSize }) };
    return namesOfStart(system, config) === undefined ? undefined : { network };
  }
  if (namesOfStart(system, config) === undefined) return undefined;
  const { vision: { width, layers, heads, mlp, patch, imageSize, activation, eps = 1e-5 } } = config;
  return { network: { activation, width, layers, heads, mlp, patch, eps }, imageSize };
}

/** Whether a Swin is one of pictures. */
const isOfPictures = (config: ModelConfig): config is SwinConfig =>
  config.system === 'video-swin' && config.network.patch[0] === 1 && config.network.window[0] === 1;

/** The published Video Swins started from such ones, with patches of 2 frames and windows of 8. */
const inflatedSizes = ({ patch, window }: SwinSizes) => ({ patch: [2, ...patch.slice(1)],
  window: [8, ...window.slice(1)] });

/** Whether a network has positions, which are for pictures of one size. */
const hasPositions = (system: NetworkName): boolean => system.startsWith('timesformer');

/** A ViT's parameters, by those of a TimeSformer. */
export const OF_VIT = { divided: new Names('', TIMESFORMER_ROWS.vit(true), /(?!)/),
  plain: new Names('', TIMESFORMER_ROWS.vit(false), /(?!)/) };
const OF_SWIN = new Names('', [['backbone.*', 'backbone.*']], /(?!)/);
const OF_TSN = new Names('', UNSHIFTED, /(?!)/);

/** The parameters of another model that a network may start from, by its own; undefined if there are none. */
export function namesOfStart(system: NetworkName, config: ModelConfig): Names | undefined {
  if (system === 'video-swin' && isOfPictures(config)) return OF_SWIN;
  if (system === 'tsm') return config.system === 'tsn' ? OF_TSN : undefined;
  const isViT = !isNetwork(config) && config.vision.patchBias === true && config.vision.lnPre === false;
  if (!isViT || !hasPositions(system)) return undefined;
  return system === 'timesformer' ? OF_VIT.divided : OF_VIT.plain;
}

/**
 * Fills a network from a checkpoint of another model. What such a model lacks is left as it is, and all else must be
 * there. Returns the names of what was filled.
 */
export async function loadStart(model: VideoModel, names: Names, weights: Weights,
  demands: Omit<Demands, 'select' | 'allowMissing'>): Promise<readonly string[]> {
  const theirs = (name: string, { shape }: AnyTensor) => names.storedAs(name, shape).parts[0];
  const filled: string[] = [];
  // a parameter of theirs may fill several of ours, one in each turn
  let left = [...model.state()].filter(([name]) => names.covers(name));
  while (left.length > 0) {
    const turn = new Map(left.map((entry) => [theirs(...entry), entry] as const));
    const wanted = { state: () => [...turn].map(([name, [, tensor]]) => [name, tensor] as const) };
    await loadWeights(wanted, weights, { ...demands, interpolateFrames: true, select: () => true });
    const done = new Set([...turn.values()].map(([name]) => name));
    filled.push(...done);
    left = left.filter(([name]) => !done.has(name));
  }
  return filled;
}
