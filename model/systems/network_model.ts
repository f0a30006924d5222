/** Networks with a head for fixed classes, in MMAction2's names. B videos, K classes, D width of their features. */
import { type FloatType, type Gpu, Tensor } from '../../engine/index.ts';
import { classLogits } from '../parts/heads.ts';
import { type Init, truncatedNormal, zeros } from '../parts/init.ts';
import { Linear, type Pass } from '../parts/layers.ts';
import type { NetworkConfig } from './config.ts';
import { type ModelOptions, type Part, type VideoFeatures, VideoModel } from './system.ts';

const HEAD = 'cls_head.fc_cls';
const isOfHead = (name: string) => name.startsWith(`${HEAD}.`);

/** A backbone, which a checkpoint to start from has, and a head. */
const PARTS: readonly Part[] = [
  { name: 'backbone', isNew: false, matches: (name) => !isOfHead(name) },
  { name: 'head', isNew: true, matches: isOfHead },
];

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

  override compare({ video }: VideoFeatures, _texts: undefined, pass: Pass = {}): Tensor {
    return classLogits(this.head, video, this.#dropout, pass);
  }
}
