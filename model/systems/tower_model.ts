/**
 * Systems that see frame by frame, most with a ViT. B videos, T frames, N patches of a frame, D width, E embedding
 * width.
 */
import type { FloatType, Shape, Tensor } from '../../engine/index.ts';
import { mean } from '../../kernels/reduce/index.ts';
import { type Init, truncatedNormal } from '../parts/init.ts';
import type { Pass } from '../parts/layers.ts';
import type { MultiframeIntegration } from '../parts/mit.ts';
import type { FrameEncoder } from '../parts/vit.ts';
import { isNetwork, type ModelConfig } from './config.ts';
import { type Part, type StartOptions, type VideoFeatures, VideoModel } from './system.ts';

/** A model of videos whose frames are seen one by one, or by one encoder. */
export abstract class TowerModel extends VideoModel {
  abstract readonly visual: FrameEncoder;
  /** Without it, features of frames are averaged. */
  protected abstract readonly mit: MultiframeIntegration | undefined;

  override get type(): FloatType {
    return this.visual.type;
  }

  override get parts(): readonly Part[] {
    return isOfImageNet(this.config) ? PARTS_OF_IMAGENET : PARTS;
  }

  override startOf(name: string, { mitPositions, mitWeights, promptWeights }: StartOptions): Init | undefined {
    if (name === 'mit.positional_embedding') return truncatedNormal(mitPositions);
    if (/^mit\..*(out_proj|c_fc|c_proj)\.weight$/.test(name)) return truncatedNormal(mitWeights);
    if (/^prompts_generator\..*(proj|mlp\.\d)\.weight$/.test(name)) return truncatedNormal(promptWeights);
    return undefined;
  }

  protected override featuresOf(pixels: Tensor, pass: Pass): VideoFeatures {
    const [videos, frames, ...image] = pixels.shape;
    const seen = this.visual.forward(pixels.reshape([videos * frames, ...image]), pass);
    const patches = this.patchFeatures(seen.patches, frames, pass);
    const features = seen.frames.reshape([videos, -1, seen.frames.shape[1]]);
    const video = this.mit?.forward(features, pass) ?? mean(features, 1);
    return { video, ...(patches && { patches }) };
  }

  /** Tokens of patches, [B·T, N, D] → [B, N, E], where the system looks at them again. */
  protected patchFeatures(_patches: Tensor, _frames: number, _pass: Pass): Tensor | undefined {
    return undefined;
  }

  override blockShape(videos: number, frames: number): Shape {
    return this.visual.tokenShape(videos, frames);
  }

  override block(x: Tensor): Tensor {
    return this.visual.block(x);
  }
}

const NEW = /message_|^mit|prompts|^head\.|temporal_embedding/;

const PARTS: readonly Part[] = [
  { name: 'clip', isNew: false, matches: (name) => !NEW.test(name) },
  { name: 'mit', isNew: true, matches: (name) => name.startsWith('mit') },
  { name: 'prompts', isNew: true, matches: (name) => name.includes('prompts') },
  { name: 'message', isNew: true, matches: (name) => name.includes('message_') },
  { name: 'head', isNew: true, matches: (name) => name.startsWith('head.') },
  { name: 'temporal', isNew: true, matches: (name) => name.includes('temporal_embedding') },
];

/** Whether frames are seen by a ViT of ImageNet's form. */
const isOfImageNet = (config: ModelConfig) => !isNetwork(config) && config.vision.lnPre === false;

const isProjection = (name: string) => name === 'visual.proj';

/** A ViT of ImageNet has no projection into a space shared with texts. */
const PARTS_OF_IMAGENET: readonly Part[] = [
  ...PARTS.map((part) => ({ ...part, matches: (name: string) => !isProjection(name) && part.matches(name) })),
  { name: 'projection', isNew: true, matches: isProjection },
];
