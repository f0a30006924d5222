/** Networks with a head for fixed classes, in MMAction2's names. B videos, K classes, D width of their features. */
import { type FloatType, type Gpu, Tensor } from '../../engine/index.ts';
import { classLogits } from '../parts/heads.ts';
import { type Init, truncatedNormal, zeros } from '../parts/init.ts';
import { Linear, type Pass } from '../parts/layers.ts';
import type { NetworkConfig } from './config.ts';
import { type ModelOptions, type Part, type StartOptions, type VideoFeatures, VideoModel } from './system.ts';

const HEAD = 'cls_head.fc_cls';
const isOfHead = (name: string) => name.startsWith(`${HEAD}.`);

/** A backbone, which a checkpoint to start from has, and a head. */
const PARTS: readonly Part[] = [
  { name: 'backbone', isNew: false, matches: (name) => !isOfHead(name) },
  { name: 'head', isNew: true, matches: isOfHead },
];

/** What tokens are told of their place, and what tells pairs of them how far apart they are. */
const POSITIONS = /^backbone\.(pos_embed|time_embed|.*\.relative_position_bias_table)$/;
/** Matrices in and between blocks of a transformer. */
const BLOCK_WEIGHTS = /^backbone\.(transformer_)?layers\.(?!.*norm).*weight$/;

/** A model of videos without texts. */
export abstract class NetworkModel extends VideoModel {
  abstract override readonly config: NetworkConfig;
  override readonly classes: readonly string[];
  readonly head: Linear;

  readonly #dropout: number;

  /** @param width of the features that the head takes  @param init of the head's weight */
  constructor(gpu: Gpu, width: number, classes: readonly string[], { dropout = 0 }: ModelOptions,
    init: Init = truncatedNormal(0.02)) {
    super();
    this.#dropout = dropout;
    this.classes = classes;
    this.head = this.add(HEAD, new Linear(gpu, width, classes.length, { init, biasInit: zeros }));
  }

  override get type(): FloatType {
    return this.head.weight.dtype as FloatType;
  }

  override get parts(): readonly Part[] {
    return PARTS;
  }

  override startOf(name: string, { positions, weights }: StartOptions): Init | undefined {
    const std = POSITIONS.test(name) ? positions : BLOCK_WEIGHTS.test(name) ? weights : null;
    return std === null ? undefined : truncatedNormal(std);
  }

  override compare({ video }: VideoFeatures, _texts: undefined, pass: Pass = {}): Tensor {
    return classLogits(this.head, video, this.#dropout, pass);
  }
}
