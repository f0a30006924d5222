/** What the names and shapes of a file tell of a network with a head, where no configuration lies beside it. */
import { headsOf, type NetworkConfig, validateConfig } from '../systems/config.ts';
import { HeldShapes } from './held_shapes.ts';
import { sideOf } from './positions.ts';
import type { Weights } from './weights.ts';

/** Origins of files of networks. */
const ORIGINS_OF_NETWORKS: readonly string[] = ['mmaction', 'hf-timesformer', 'hf-timesformer-plain', 'timesformer',
  'timesformer-plain'];
/** Frames of a clip where no position tells them. */
const FRAMES = 8;

/** Whether files are of a network in names that only such have. */
export const isOfNetwork = ({ origin }: Weights): boolean => ORIGINS_OF_NETWORKS.includes(origin);

/**
 * The configuration that shapes tell. Classes have numbers for names.
 *
 * @throws StateDictError naming what is missing of it
 */
export function inferNetwork(weights: Weights): NetworkConfig {
  const held = new HeldShapes(weights);
  const layer = 'backbone.transformer_layers.layers.';
  const [width, , patch] = held.shape('backbone.patch_embed.projection.weight', 4);
  const [tokens] = held.shape('backbone.pos_embed', 2);
  const [mlp] = held.shape(`${layer}0.ffns.0.layers.0.0.weight`, 2);
  const [classes] = held.shape('cls_head.fc_cls.weight', 2);
  const hasTimes = held.parameters.has('backbone.time_embed');
  const [frames] = hasTimes ? held.shape('backbone.time_embed', 2) : [FRAMES];
  held.requireAll();
  const isDivided = held.parameters.has(`${layer}0.attentions.1.norm.weight`);
  return validateConfig({
    system: isDivided ? 'timesformer' : hasTimes ? 'timesformer-joint' : 'timesformer-space',
    frames,
    imageSize: patch * (sideOf(tokens) ?? 0),
    classes: Array.from({ length: classes }, (_, k) => `class ${k}`),
    network: { activation: 'gelu', eps: 1e-6, width, layers: held.count(layer), heads: headsOf(width), mlp, patch },
  }, weights.path);
}
