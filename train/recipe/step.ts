import { dispose, type Gpu, Tensor } from '../../engine/index.ts';
import { blend, blendTargets, MIX } from '../../kernels/blend/index.ts';
import { crossEntropy, crossEntropyWithLabels } from '../../kernels/cross_entropy/index.ts';
import { DRAW } from '../../kernels/dropout/index.ts';
import { BatchMoments } from '../../model/parts/batch_moments.ts';
import type { Compared, VideoModel } from '../../model/systems/system.ts';
import { drawMix, isMixing, type MixOptions, packMix } from './blending.ts';
import type { Share, Wire } from './gradient.ts';
import { type AdamW, configuredOptimizer, freeze, type GroupOptions, groupsOf, type OptimizerOptions, type SGD,
  type Tune } from './optimizer/index.ts';

/** One micro-batch on the GPU, in memory that every step writes anew. */
export interface MicroBatch {
  /** [B, T, 3, S, S], stored as the model's activations are. */
  readonly pixels: Tensor;
  /** [B] */
  readonly labels: Tensor<'u32'>;
  /** `DRAW`: seed, and a number of this micro-batch that no other has. */
  readonly draw: Tensor<'u32'>;
  /** Undefined where nothing is mixed. */
  readonly mixed?: MixedBatch;
}

/** How a micro-batch is mixed with itself. */
export interface MixedBatch {
  /** [B], the sample that each is mixed with. */
  readonly partner: Tensor<'u32'>;
  /** `MIX` */
  readonly mix: Tensor;
}

/** What decides on the memory of a step, and on what it computes. */
export interface RunStepOptions {
  readonly model: VideoModel;
  /** Ids of texts that learn, or features of texts that do not; nothing for a system without texts. */
  readonly texts: Compared;
  readonly train: MixOptions & {
    /** Clips of a micro-batch. */
    readonly batch: number;
    /** Micro-batches of an optimiser step. */
    readonly accumulation: number;
    readonly labelSmoothing: number;
    readonly tune: Tune;
    /** How gradients travel; f32 if omitted. */
    readonly wire?: Wire;
  };
  readonly optim: GroupOptions & OptimizerOptions;
  /** Micro-batches of a step that are this process's; all if omitted. */
  readonly share?: Share;
}

/** What random draws of a step follow from. */
export interface StepDraws {
  readonly seed: number;
  /** Counted from 0. */
  readonly step: number;
  /** Of all in the step, whoever has it. */
  readonly micro: number;
}

/** All that the steps of a run work on: inputs, loss and optimiser. */
export class RunStep {
  readonly optimizer: AdamW | SGD;
  /** Of the micro-batches that are this process's. */
  readonly inputs: readonly MicroBatch[];
  /** What batch norms saw of a step's micro-batches, where other processes have some of them. */
  readonly moments: BatchMoments | undefined;
  readonly #first: number;
  readonly #options: RunStepOptions;

  constructor(gpu: Gpu, options: RunStepOptions) {
    this.#options = options;
    const { model, train, optim, share = { first: 0, count: train.accumulation } } = options;
    this.#first = share.first;
    this.moments = share.count < train.accumulation ? BatchMoments.of(gpu, model, train.accumulation) : undefined;
    const { frames, size, type } = model.input;
    freeze(model, train.tune);
    this.optimizer = configuredOptimizer(gpu, groupsOf(model, optim), optim, train.wire === 'f16');
    const ofBatch = (label: string) => gpu.keep(Tensor.from(gpu, new Uint32Array(train.batch), [train.batch], label));
    this.inputs = Array.from({ length: share.count }, () => ({
      pixels: gpu.keep(
        Tensor.empty(gpu, [train.batch, frames, 3, size, size], type, 'pixels') as Tensor,
      ),
      labels: ofBatch('labels'),
      draw: gpu.keep(Tensor.from(gpu, new Uint32Array(DRAW.words), undefined, 'draws')),
      ...(isMixing(train) && {
        mixed: { partner: ofBatch('partners'),
          mix: gpu.keep(Tensor.from(gpu, new Float32Array(MIX.words), undefined, 'mix')) },
      }),
    }));
  }

  /** Memory of a micro-batch. @param micro of all in the step */
  inputOf(micro: number): MicroBatch {
    return this.inputs[micro - this.#first];
  }

  /** Writes the labels of a micro-batch and what is drawn for it. All draws are functions of seed and number. */
  write(labels: ArrayLike<number>, { seed, step, micro }: StepDraws): void {
    const { model, train } = this.#options;
    const input = this.inputOf(micro);
    const number = step * train.accumulation + micro;
    input.labels.write(Uint32Array.from(labels));
    input.draw.write(
      DRAW.pack({ seed_low: seed >>> 0, seed_high: Math.floor(seed / 2 ** 32), step: number, unused: 0 }),
    );
    if (input.mixed === undefined) return;
    const { size } = model.input;
    const mix = drawMix(train, seed, number, { batch: train.batch, height: size, width: size });
    input.mixed.partner.write(mix.partner);
    input.mixed.mix.write(packMix(mix));
  }

  /** Records the loss of a micro-batch: cross-entropy with smoothed, and maybe mixed, labels over all texts. */
  loss(micro: number): Tensor {
    const { model, texts, train: { labelSmoothing: smoothing } } = this.#options;
    const { pixels, labels, draw, mixed } = this.inputOf(micro);
    this.moments?.keep(micro);
    if (mixed === undefined) return crossEntropyWithLabels(model.forward(pixels, texts, { draw }), labels, smoothing);
    const { partner, mix } = mixed;
    const logits = model.forward(blend(pixels, partner, mix), texts, { draw });
    return crossEntropy(logits, blendTargets(labels, partner, mix, { classes: logits.shape[1], smoothing }));
  }

  dispose(): void {
    for (const { mixed, ...tensors } of this.inputs) {
      for (const tensor of [...Object.values(tensors), ...Object.values(mixed ?? {})]) tensor.dispose();
    }
    this.moments?.dispose();
    this.optimizer.dispose();
  }

  [dispose](): void {
    this.dispose();
  }
}
