/** What the names and shapes of a file tell of a network with a head, where no configuration lies beside it. */
import { headsOf, numberedClasses, RESNETS, SWINS, type NetworkConfig, validateConfig } from '../systems/config.ts';
import { HeldShapes } from './held_shapes.ts';
import { sideOf } from './positions.ts';
import type { Weights } from './weights.ts';

/** Origins of files of networks. */
const ORIGINS_OF_NETWORKS: readonly string[] = ['mmaction', 'tsm', 'resnet', 'swin-fork', 'torchvision-swin',
  'swin-pictures', 'timm-swin', 'hf-timesformer', 'hf-timesformer-plain', 'timesformer',
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
  const has = (prefix: string) => held.names.some((name) => name.startsWith(prefix));
  const config = has('backbone.layer1.') ? resnet(held) : has('backbone.layers.0.') ? swin(held) : timesformer(held);
  held.requireAll();
  return validateConfig(config, weights.path);
}

function timesformer(held: HeldShapes): NetworkConfig {
  const layer = 'backbone.transformer_layers.layers.';
  const [width, , patch] = held.shape('backbone.patch_embed.projection.weight', 4);
  const [tokens] = held.shape('backbone.pos_embed', 2);
  const [mlp] = held.shape(`${layer}0.ffns.0.layers.0.0.weight`, 2);
  const hasTimes = held.parameters.has('backbone.time_embed');
  const [frames] = hasTimes ? held.shape('backbone.time_embed', 2) : [FRAMES];
  const isDivided = held.parameters.has(`${layer}0.attentions.1.norm.weight`);
  return {
    system: isDivided ? 'timesformer' : hasTimes ? 'timesformer-joint' : 'timesformer-space',
    frames,
    imageSize: patch * (sideOf(tokens) ?? 0),
    classes: classesOf(held),
    network: { activation: 'gelu', eps: 1e-6, width, layers: held.count(layer), heads: headsOf(width), mlp, patch },
  };
}

/** A ResNet takes pictures of any size, and clips of any number of frames. */
function resnet(held: HeldShapes): NetworkConfig {
  const [width] = held.shape('backbone.conv1.conv.weight', 4);
  const blocks = Array.from({ length: held.count('backbone.layer') },
    (_, stage) => held.count(`backbone.layer${stage + 1}.`));
  const isShifted = held.parameters.has('backbone.layer1.0.conv1.conv.net.weight');
  return { system: isShifted ? 'tsm' : 'tsn', frames: FRAMES, imageSize: 224, classes: classesOf(held),
    network: { ...RESNETS.presets.R50, width, blocks } };
}

/** Tokens of time in a window do not show alone: height and width are taken to be alike, and as long as can be. */
function swin(held: HeldShapes): NetworkConfig {
  const [width, ...patch] = held.shape('backbone.patch_embed.proj.weight', 5).slice(0, -1);
  const stages = held.count('backbone.layers.');
  const of = (stage: number) => `backbone.layers.${stage}.blocks.`;
  const tables = Array.from({ length: stages },
    (_, stage) => held.shape(`${of(stage)}0.attn.relative_position_bias_table`, 2));
  const [hidden] = held.shape(`${of(0)}0.mlp.fc1.weight`, 2);
  return { system: 'video-swin', frames: patch[0] === 1 ? 1 : 32, imageSize: 224, classes: classesOf(held),
    network: { ...SWINS.presets.T, width, depths: tables.map((_, stage) => held.count(of(stage))),
      heads: tables.map(([, heads]) => heads), window: windowOf(tables[0][0]), patch, mlpRatio: hidden / width } };
}

/** The window that a table of (2·t − 1)·(2·s − 1)² offsets is for, of the largest s: 8 x 7 x 7 of 2,535. */
function windowOf(offsets: number): readonly number[] {
  let side = Math.floor(Math.sqrt(offsets));
  while (side % 2 === 0 || offsets % (side * side) !== 0) side--;
  return [(offsets / (side * side) + 1) / 2, (side + 1) / 2, (side + 1) / 2];
}

const classesOf = (held: HeldShapes): string[] => numberedClasses(held.shape('cls_head.fc_cls.weight', 2)[0]);
