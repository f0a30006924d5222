/** Fixtures of networks that are not built of CLIP's towers: how their models are made here. */
import { z } from 'zod';
import type { Shape } from '../../engine/index.ts';
import type { Activation } from '../../kernels/shared/activation.ts';
import { type Order, ORIGINS, type Stored } from '../../model/checkpoint/names/index.ts';
import type { CoSwinSizes } from '../../model/parts/coswin.ts';
import type { ModelConfig } from '../../model/systems/config.ts';
import type { FixtureTensors } from './fixture.ts';

export const count = z.int().min(1);

/** How a fixture's model is made here, and what its tensors are called. */
export interface Made {
  readonly config: ModelConfig;
  /** Where one of our parameters lies in the fixture. */
  readonly storedAs: (name: string, shape: Shape) => Pick<Stored, 'parts' | 'order'>;
  /** [B, C, T, …] in place of [B, T, C, …]. */
  readonly hasChannelsFirst: boolean;
  /** Whether batches are normalised by their own statistics. */
  readonly isTraining: boolean;
  /** Which of our parameters the fixture does without, so that they are zeros; none if omitted. */
  readonly lacks?: RegExp;
  /** Layers behind one another that let a number pass or not; none if omitted. */
  readonly gates?: number;
}

/** Of a TimeSformer, as MMAction2 describes it. */
export const timesformerSizes = z.object({ num_frames: count, img_size: count, patch_size: count, embed_dims: count,
  num_heads: count, num_transformer_layers: count,
  attention_type: z.enum(['space_only', 'joint_space_time', 'divided_space_time']) });
type TimeSformerSizes = z.infer<typeof timesformerSizes>;

/** Of a ResNet whose frames shift channels. */
const tsmSizes = z.object({ width: count, layers: z.array(count).min(1), num_segments: count, shift_div: count,
  bn_eps: z.number(), bn_momentum: z.number(), bn_mode: z.enum(['train', 'eval']) });

/** Three sizes: of time, height and width, or one of all. */
const triple = z.union([z.tuple([count, count, count]), count.transform((size) => [size, size, size] as const)]);

/** Of a Video Swin, as MMAction2 describes it. */
const swinSizes = z.object({
  arch: z.object({ embed_dims: count, depths: z.array(count).min(1), num_heads: z.array(count).min(1) }),
  window_size: triple,
  patch_size: triple,
  mlp_ratio: count.default(4),
  qkv_bias: z.boolean().default(true),
  patch_norm: z.literal(true).default(true),
});

/** Of a CoSwin. */
const coswinSizes = z.object({ img: count, embed_dim: count, depths: z.array(count).min(1),
  heads: z.array(count).min(1), window: count, num_classes: count });

/** Of X-Florence, whose texts are given as features. */
const florenceSizes = coswinSizes.omit({ num_classes: true }).extend({ E: count, T: count, mit_layers: count,
  mit_heads: count, prompt_layers: count, prompt_heads: count, classes: count });

/** Of all such networks. */
export const NETWORK_SIZES = [timesformerSizes, tsmSizes, swinSizes, florenceSizes, coswinSizes] as const;
type Sizes = z.infer<(typeof NETWORK_SIZES)[number]>;

/** One that looks at one frame is an ImageNet ViT. */
export const isImageNets = (config: object): config is TimeSformerSizes =>
  'attention_type' in config && config.attention_type === 'space_only' && 'num_frames' in config
  && config.num_frames === 1;

const TIMESFORMERS = { space_only: 'timesformer-space', joint_space_time: 'timesformer-joint',
  divided_space_time: 'timesformer' } as const;

/** What a description says beside its sizes. */
interface Around {
  readonly eps: number;
  readonly activation: Activation;
  readonly classes: readonly string[];
  readonly tensors: FixtureTensors;
}

/** The network that a description is of. */
export function networkFrom(config: Sizes, around: Around): Made {
  if ('attention_type' in config) return timesformerFrom(config, around);
  if ('E' in config) return florenceFrom(config, around);
  if ('embed_dim' in config) return coswinFrom(config, around);
  return 'arch' in config ? swinFrom(config, around) : tsmFrom(config, around);
}

function timesformerFrom(config: TimeSformerSizes, { eps, activation, classes, tensors }: Around): Made {
  const [mlp] = tensors.get('param.backbone.transformer_layers.layers.0.ffns.0.layers.0.0.weight').shape;
  return {
    config: { system: TIMESFORMERS[config.attention_type], frames: config.num_frames, imageSize: config.img_size,
      classes,
      network: { activation, eps, width: config.embed_dims, layers: config.num_transformer_layers,
        heads: config.num_heads, mlp, patch: config.patch_size } },
    storedAs: (name, shape) => ORIGINS.mmaction.storedAs(name, shape),
    hasChannelsFirst: true,
    isTraining: false,
  };
}

function swinFrom({ arch, ...config }: z.infer<typeof swinSizes>, { eps, activation, classes, tensors }: Around): Made {
  const [, , frames, imageSize] = tensors.get('in.video').shape;
  return {
    config: { system: 'video-swin', frames, imageSize, classes,
      network: { width: arch.embed_dims, depths: arch.depths, heads: arch.num_heads, window: config.window_size,
        patch: config.patch_size, mlpRatio: config.mlp_ratio, activation, eps } },
    storedAs: (name, shape) => ORIGINS.mmaction.storedAs(name, shape),
    ...(!config.qkv_bias && { lacks: /\.attn\.qkv\.bias$/ }),
    hasChannelsFirst: true,
    isTraining: false,
  };
}

/** Hidden widths are four times the channels, in all that is described so. */
const MLP_RATIO = 4;

function imageOf(config: z.infer<typeof coswinSizes> | z.infer<typeof florenceSizes>, eps: number): CoSwinSizes {
  return { width: config.embed_dim, depths: config.depths, heads: config.heads, window: config.window,
    mlpRatio: MLP_RATIO, activation: 'gelu', eps };
}

/** Convolutions have their channels first. */
const ofConvolution = (name: string): Order => (/embeds\.\d+\.proj\.weight$/.test(name) ? 'channels first' : 'same');

function coswinFrom(config: z.infer<typeof coswinSizes>, { eps, tensors }: Around): Made {
  const classes = Array.from({ length: config.num_classes }, (_, k) => `class ${k}`);
  return {
    config: { system: 'coswin', frames: 1, imageSize: tensors.get('in.image').shape[2], classes,
      network: imageOf(config, eps) },
    storedAs: (name) => ({ parts: [name.replace(/^backbone\./, '').replace(/^cls_head\.fc_cls\./, 'head.')],
      order: ofConvolution(name) }),
    hasChannelsFirst: false,
    isTraining: false,
  };
}

/** The sizes of a text tower that nothing is asked of. */
const NO_TEXTS = { activation: 'quick_gelu', width: 1, layers: 1, heads: 1, mlp: 1, context: 3, vocab: 1 } as const;

function florenceFrom(config: z.infer<typeof florenceSizes>, { eps }: Around): Made {
  const { E: embedDim, T: frames } = config;
  const activation = 'quick_gelu';
  return {
    config: { system: 'x-florence', frames, imageSize: config.img, network: {
      image: imageOf(config, eps),
      embedDim,
      text: NO_TEXTS,
      mit: { activation, layers: config.mit_layers, heads: config.mit_heads, mlp: MLP_RATIO * embedDim },
      prompts: { activation, layers: config.prompt_layers, heads: config.prompt_heads, alpha: 0.1 },
    } },
    lacks: /^(token_embedding|positional_embedding|transformer|ln_final|text_projection)/,
    storedAs: (name) => ({ parts: [name === 'visual.proj' ? 'visual_proj' : name], order: ofConvolution(name) }),
    hasChannelsFirst: false,
    isTraining: false,
  };
}

function tsmFrom(config: z.infer<typeof tsmSizes>, { classes, tensors }: Around): Made {
  const { width, layers: blocks, num_segments: frames, shift_div: shift, bn_eps: eps, bn_momentum: momentum } = config;
  return {
    config: { system: 'tsm', frames, imageSize: tensors.get('in.video').shape[3], classes,
      network: { width, blocks, shift, eps, momentum } },
    storedAs: (name, shape) => ORIGINS.resnet.storedAs(name, shape),
    hasChannelsFirst: false,
    isTraining: config.bn_mode === 'train',
    gates: 3 * blocks.reduce((sum, each) => sum + each) + 1,
  };
}
