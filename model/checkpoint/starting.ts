/** Networks that start from a checkpoint of another model: of which, and which parameters are made of which. */
import type { AnyTensor } from '../../engine/index.ts';
import { isNetwork, type ModelConfig, type NetworkConfig, type NetworkName } from '../systems/config.ts';
import type { VideoModel } from '../systems/system.ts';
import { loadWeights } from './loading.ts';
import { TIMESFORMER_ROWS } from './names/timesformer.ts';
import { Names } from './names/index.ts';
import type { Demands, Weights } from './weights.ts';

/** Sizes of a network, and the side of the pictures that they are for; undefined: of any. */
export interface NetworkStart {
  readonly network: NetworkConfig['network'];
  readonly imageSize?: number;
}

/** The sizes that a network takes from a checkpoint; undefined of one that it cannot start from. */
export function networkStart(_system: NetworkName, config: ModelConfig): NetworkStart | undefined {
  if (isNetwork(config)) return { network: config.network, imageSize: config.imageSize };
  const { vision: { width, layers, heads, mlp, patch, imageSize, activation, eps = 1e-5, patchBias, lnPre } } = config;
  return patchBias === true && lnPre === false
    ? { network: { activation, width, layers, heads, mlp, patch, eps }, imageSize }
    : undefined;
}

/** A ViT's parameters, by those of a TimeSformer. */
export const OF_VIT = { divided: new Names('', TIMESFORMER_ROWS.vit(true), /(?!)/),
  plain: new Names('', TIMESFORMER_ROWS.vit(false), /(?!)/) };

/**
 * Fills a network from a checkpoint of another model. What such a model lacks is left as it is, and all else must be
 * there. Returns the names of what was filled.
 */
export async function loadStart(model: VideoModel, weights: Weights,
  demands: Omit<Demands, 'select' | 'allowMissing'>): Promise<readonly string[]> {
  const names = OF_VIT[model.config.system === 'timesformer' ? 'divided' : 'plain'];
  const theirs = (name: string, { shape }: AnyTensor) => names.storedAs(name, shape).parts[0];
  const filled: string[] = [];
  // a parameter of theirs may fill several of ours, one in each turn
  let left = [...model.state()].filter(([name, tensor]) => theirs(name, tensor) !== name);
  while (left.length > 0) {
    const turn = new Map(left.map((entry) => [theirs(...entry), entry] as const));
    const wanted = { state: () => [...turn].map(([name, [, tensor]]) => [name, tensor] as const) };
    await loadWeights(wanted, weights, { ...demands, select: () => true });
    const done = new Set([...turn.values()].map(([name]) => name));
    filled.push(...done);
    left = left.filter(([name]) => !done.has(name));
  }
  return filled;
}
