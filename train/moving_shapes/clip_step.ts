/** What stage 1 computes, wherever its pictures come from. */
import { dispose, type FloatType, type Gpu, halve, Tensor } from '../../engine/index.ts';
import type { FramesOptions } from '../../kernels/frames/index.ts';
import { type Init, initialise, normal } from '../../model/parts/init.ts';
import { type TextBatch, textBatch } from '../../model/parts/text.ts';
import { Clip } from '../../model/systems/clip.ts';
import type { ClipConfig } from '../../model/systems/config.ts';
import type { TokenRows } from '../../model/tokenizer.ts';
import type { Batch } from '../data/loading/dataset.ts';
import { pixelsOf } from '../data/views/pixels.ts';
import { contrastiveLoss, equalCaptions } from '../recipe/contrastive.ts';
import { AdamW, recipeGroups } from '../recipe/optimizer/index.ts';
import type { Schedule } from '../recipe/schedule.ts';
import { warmupOf } from './warmup.ts';

/** Pictures, each with its caption, that are compared with each other. */
export const PICTURES = 64;
const LR = 2e-3;

/** The rates of so many steps. */
export const clipSchedule = (steps: number): Schedule => ({ form: 'plain', baseLr: LR, minLr: 0,
  warmup: warmupOf(steps), total: steps });

/**
 * Words of the class names that occur in no caption, such as "growing", stay as they start. Larger than the recipe's,
 * so that they do not vanish beside the words that were learned.
 */
function startOf(name: string): Init | undefined {
  if (name === 'token_embedding.weight') return normal(0.1);
  return name === 'positional_embedding' ? normal(0.05) : undefined;
}

/** A CLIP as stage 1 begins with it. */
export function newClip(gpu: Gpu, config: ClipConfig, seed: number, precision: FloatType): Clip {
  const model = new Clip(gpu, config);
  initialise(model, seed, startOf);
  if (precision === 'f16') halve(model);
  return model;
}

/** What a step works on: a model, its optimiser, pictures, captions and targets. */
export class ClipStep {
  readonly model: Clip;
  readonly optimizer: AdamW;
  readonly #gpu: Gpu;
  readonly #count: number;
  readonly #captions: TokenRows;
  readonly #pixels: Tensor;
  readonly #texts: TextBatch;
  readonly #target: Tensor;

  /** @param count of pictures  @param captions all of them, in tokens */
  constructor(gpu: Gpu, model: Clip, count: number, captions: TokenRows) {
    const { imageSize } = model.config.vision;
    this.model = model;
    this.#gpu = gpu;
    this.#count = count;
    this.#captions = captions;
    this.optimizer = new AdamW(gpu, recipeGroups(model, { weightDecay: 0.001, newPartsLrScale: 1 }), { beta1: 0.9,
      beta2: 0.98, eps: 1e-8, maxNorm: 1 });
    this.#pixels = gpu.keep(Tensor.empty(gpu, [count, 3, imageSize, imageSize], model.input.type, 'pixels') as Tensor);
    this.#texts = textBatch(gpu, new Int32Array(count * captions.length), captions.length);
    this.#target = gpu.keep(Tensor.zeros(gpu, [count, count], 'targets'));
  }

  /** Puts pictures, their captions and the targets in place. */
  feed(batch: Batch, input: FramesOptions): void {
    const { ids, length } = this.#captions;
    this.#gpu.scope(() => this.#gpu.copy(pixelsOf(this.#gpu, batch, input), this.#pixels));
    this.#texts.write(
      Int32Array.from({ length: this.#count * length },
        (_, at) => ids[batch.labels[Math.floor(at / length)] * length + (at % length)]),
    );
    this.#target.write(equalCaptions(batch.labels));
  }

  loss(): Tensor {
    return contrastiveLoss(this.model.comparePictures(this.#pixels, this.model.encodeText(this.#texts)), this.#target);
  }

  /** All but the model. */
  dispose(): void {
    this.optimizer.dispose();
    this.#pixels.dispose();
    this.#texts[Symbol.dispose]();
    this.#target.dispose();
  }

  [dispose](): void {
    this.dispose();
  }
}
