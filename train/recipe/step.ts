import { dispose, type Gpu, Tensor } from '../../engine/index.ts';
import { crossEntropyWithLabels } from '../../kernels/cross_entropy/index.ts';
import { DRAW } from '../../kernels/dropout/index.ts';
import type { VideoModel } from '../../model/system.ts';
import type { TextBatch } from '../../model/text.ts';
import { AdamW, fixText, recipeGroups } from './optimizer/index.ts';

/** One micro-batch on the GPU, in memory that every step writes anew. */
export interface MicroBatch {
  /** [B, T, 3, S, S], stored as the model's activations are. */
  readonly pixels: Tensor;
  /** [B] */
  readonly labels: Tensor<'u32'>;
  /** `DRAW`: seed, and a number of this micro-batch that no other has. */
  readonly draw: Tensor<'u32'>;
}

/** What decides on the memory of a step, and on what it computes. */
export interface RunStepOptions {
  readonly model: VideoModel;
  /** Ids of texts that learn, or features of texts that do not. */
  readonly texts: TextBatch | { readonly features: Tensor };
  readonly train: {
    /** Clips of a micro-batch. */
    readonly batch: number;
    /** Micro-batches of an optimiser step. */
    readonly accumulation: number;
    readonly labelSmoothing: number;
    /** Whether the text encoder is frozen. */
    readonly fixText: boolean;
  };
  readonly optim: {
    readonly weightDecay: number;
    readonly newPartsLrScale: number;
    readonly betas: readonly [beta1: number, beta2: number];
    readonly eps: number;
    /** The gradient is clipped to this norm; null: never. */
    readonly maxGradNorm: number | null;
  };
}

/** All that the steps of a run work on: inputs, loss and optimiser. */
export class RunStep {
  readonly optimizer: AdamW;
  readonly inputs: readonly MicroBatch[];
  readonly #options: RunStepOptions;

  constructor(gpu: Gpu, options: RunStepOptions) {
    this.#options = options;
    const { model, train, optim } = options;
    const { frames, vision } = model.config;
    if (train.fixText) fixText(model);
    const groups = recipeGroups(model, { weightDecay: optim.weightDecay, newPartsLrScale: optim.newPartsLrScale });
    this.optimizer = new AdamW(gpu, groups, { beta1: optim.betas[0], beta2: optim.betas[1], eps: optim.eps,
      maxNorm: optim.maxGradNorm ?? 0 });
    this.inputs = Array.from({ length: train.accumulation }, () => ({
      pixels: gpu.keep(
        Tensor.empty(gpu, [train.batch, frames, 3, vision.imageSize, vision.imageSize], model.visual.type,
          'pixels') as Tensor,
      ),
      labels: gpu.keep(Tensor.from(gpu, new Uint32Array(train.batch), [train.batch], 'labels')),
      draw: gpu.keep(Tensor.from(gpu, new Uint32Array(DRAW.words), undefined, 'draws')),
    }));
  }

  /** Records the loss of a micro-batch: cross-entropy with smoothed labels over all texts. */
  loss(micro: number): Tensor {
    const { model, texts, train } = this.#options;
    const { pixels, labels, draw } = this.inputs[micro];
    return crossEntropyWithLabels(model.forward(pixels, texts, { draw }), labels, train.labelSmoothing);
  }

  dispose(): void {
    for (const tensor of this.inputs.flatMap((input) => Object.values(input))) tensor.dispose();
    this.optimizer.dispose();
  }

  [dispose](): void {
    this.dispose();
  }
}
