import { type CapturedStep, type FloatType, type Gpu, halve, Random, type Shape, Tensor } from '../engine/index.ts';
import { PRESETS } from '../model/config.ts';
import { textBatch } from '../model/text.ts';
import { Xclip } from '../model/xclip.ts';
import { RunStep } from '../train/run_step.ts';
import { recordStep } from '../train/stage.ts';

/** A training step of X-CLIP on random numbers, as the recipe has it. */
export interface StepShape {
  readonly preset: keyof typeof PRESETS;
  /** Clips. */
  readonly batch: number;
  /** Texts that each clip is compared with. */
  readonly classes: number;
  /** Whether the text tower learns; otherwise its features are inputs. */
  readonly trainText: boolean;
  readonly recompute: boolean;
  readonly precision: FloatType;
}

/** The step with what it works on. */
export interface TrainingStep {
  readonly captured: CapturedStep<[], unknown>;
  dispose(): void;
}

/** Builds a step; nothing runs before its first `captured.run()`. Weights and pixels are zero: no kernel's time depends on them. */
export function trainingStep(gpu: Gpu, { preset, batch, classes, trainText, recompute, precision }: StepShape): TrainingStep {
  const config = PRESETS[preset];
  const model = new Xclip(gpu, config, { recompute });
  if (precision === 'f16') halve(model);
  const texts = trainText ? textBatch(gpu, randomIds(classes, config.text), config.text.context) : { features: zeros(gpu, [classes, config.embedDim], precision) };
  const step = new RunStep(gpu, {
    model, texts,
    train: { batch, accumulation: 1, labelSmoothing: 0.1, fixText: !trainText },
    optim: { weightDecay: 0.001, newPartsLrScale: 10, betas: [0.9, 0.98], eps: 1e-8, maxGradNorm: null },
  });
  for (const { pixels } of step.inputs) gpu.clear(pixels);
  const captured = gpu.capture(() => recordStep(step.optimizer, 1, (micro) => step.loss(micro)));
  return {
    captured,
    dispose() {
      captured.dispose();
      step.dispose();
      model.dispose();
      if ('features' in texts) texts.features.dispose();
      else texts[Symbol.dispose]();
    },
  };
}

function zeros(gpu: Gpu, shape: Shape, type: FloatType): Tensor {
  const tensor = gpu.keep(Tensor.empty(gpu, shape, type, 'text features') as Tensor);
  gpu.clear(tensor);
  return tensor;
}

/** Texts of random tokens, each ended by the largest one. */
function randomIds(count: number, { context, vocab }: { readonly context: number; readonly vocab: number }): Int32Array {
  const random = new Random(1, 'tokens');
  return Int32Array.from({ length: count * context }, (_, i) => (i % context === context - 1 ? vocab - 1 : random.below(vocab - 1)));
}
