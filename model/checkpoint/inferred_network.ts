/** What the names and shapes of a file tell of a network with a head, where no configuration lies beside it. */
import { sizeOf } from '../../engine/dtype.ts';
import { headsOf, numberedClasses, RESNETS, SWINS, type NetworkConfig, validateConfig,
  VIDEOMAES } from '../systems/config.ts';
import { MOST_STAGES } from '../systems/sizes.ts';
import { HeldShapes } from './held_shapes.ts';
import type { Origin } from './names/index.ts';
import { sideOf } from './positions.ts';
import type { Weights } from './weights.ts';

/** Origins of files of networks. */
const ORIGINS_OF_NETWORKS: readonly string[] = ['mmaction', 'tsm', 'resnet', 'swin-fork', 'torchvision-swin',
  'swin-pictures', 'timm-swin', 'hf-videomae', 'mmaction-videomae', 'hf-timesformer', 'hf-timesformer-plain',
  'timesformer', 'timesformer-plain', 'timesformer-bare', 'timesformer-bare-plain'];
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
  const config = weights.origin.endsWith('videomae')
    ? videomae(held, weights.origin)
    : has('backbone.layer1.')
    ? resnet(held)
    : has('backbone.layers.0.')
    ? swin(held, weights)
    : timesformer(held);
  held.requireAll();
  return validateConfig(config, weights.path);
}

/** Positions are computed, so that no shape tells frames and pictures: there are taken to be as many as published. */
function videomae(held: HeldShapes, origin: Origin): NetworkConfig {
  const [width, tubelet, patch] = held.shape('backbone.patch_embed.projection.weight', 5);
  const [mlp] = held.shape('backbone.blocks.0.mlp.layers.0.0.weight', 2);
  return { system: 'videomae', frames: 8 * tubelet, imageSize: patch * Math.round(224 / patch),
    classes: classesOf(held),
    network: { ...VIDEOMAES.presets['B/16'], width, layers: held.count('backbone.blocks.'), heads: headsOf(width), mlp,
      patch, tubelet, ...(origin === 'mmaction-videomae' && { eps: 1e-6, poolEps: 1e-6 }) } };
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
  const blocks = Array.from({ length: stagesOf(held, 'backbone.layer') },
    (_, stage) => held.count(`backbone.layer${stage + 1}.`));
  const isShifted = held.parameters.has('backbone.layer1.0.conv1.conv.net.weight');
  return { system: isShifted ? 'tsm' : 'tsn', frames: FRAMES, imageSize: 224, classes: classesOf(held),
    network: { ...RESNETS.presets.R50, width, blocks } };
}

/** Each is looked for among all names: more than any network has are not. */
const stagesOf = (held: HeldShapes, prefix: string) => Math.min(held.count(prefix), MOST_STAGES);

/** Height and width of a window are taken to be alike. */
function swin(held: HeldShapes, weights: Weights): NetworkConfig {
  const [width, ...patch] = held.shape('backbone.patch_embed.proj.weight', 5).slice(0, -1);
  const stages = stagesOf(held, 'backbone.layers.');
  const of = (stage: number) => `backbone.layers.${stage}.blocks.`;
  const tables = Array.from({ length: stages },
    (_, stage) => held.shape(`${of(stage)}0.attn.relative_position_bias_table`, 2));
  const [hidden] = held.shape(`${of(0)}0.mlp.fc1.weight`, 2);
  return { system: 'video-swin', frames: patch[0] === 1 ? 1 : 32, imageSize: 224, classes: classesOf(held),
    network: { ...SWINS.presets.T, width, depths: tables.map((_, stage) => held.count(of(stage))),
      heads: tables.map(([, heads]) => heads), window: windowOf(tables[0][0], tokensOf(weights)), patch,
      mlpRatio: hidden / width } };
}

/** Tokens of a window, N of the N x N pairs that its index has; undefined of files without one. */
function tokensOf(weights: Weights): number | undefined {
  const [index] = weights.stored('backbone.layers.0.blocks.0.attn.relative_position_index', []).parts;
  const shape = weights.shape(index);
  return shape && Math.sqrt(sizeOf(shape));
}

/**
 * The window that a table of (2·t − 1)·(2·s − 1)² offsets is for: 8 x 7 x 7 of 2,535. Of several that with so many
 * tokens, or, where nobody knows them, of the largest s.
 */
function windowOf(offsets: number, tokens: number | undefined): readonly number[] {
  const all: number[][] = [];
  for (let side = Math.floor(Math.sqrt(offsets)); side > 0; side--) {
    if (side % 2 === 0 || offsets % (side * side) !== 0) continue;
    all.push([(offsets / (side * side) + 1) / 2, (side + 1) / 2, (side + 1) / 2]);
  }
  return all.find((window) => sizeOf(window) === tokens) ?? all[0] ?? []; // of no rows
}

const classesOf = (held: HeldShapes): string[] => numberedClasses(held.shape('cls_head.fc_cls.weight', 2)[0]);
