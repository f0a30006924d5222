import { type CapturedStep, estimate, type FloatType, type Gpu, halve, noGrad, Random, type Shape,
  Tensor } from '../engine/index.ts';
import { configFor, PRESETS } from '../model/systems/config.ts';
import { initialise } from '../model/parts/init.ts';
import { textBatch } from '../model/parts/text.ts';
import { createModel } from '../model/systems/index.ts';
import type { VideoModel } from '../model/systems/system.ts';
import { type MicroBatch, RunStep } from '../train/recipe/step.ts';
import { recordStep } from '../train/recipe/stage.ts';

/** Systems that compare with texts, of which steps are measured. */
export const STEP_SYSTEMS = ['xclip', 'clip-mean', 'clip-joint'] as const;

/** A training step of a system on random numbers, as the recipe has it. */
export interface StepShape {
  /** Omitted: X-CLIP. */
  readonly system?: (typeof STEP_SYSTEMS)[number];
  readonly preset: keyof typeof PRESETS;
  /** Clips. */
  readonly batch: number;
  /** Texts that each clip is compared with. */
  readonly classes: number;
  /** Whether the text tower learns; otherwise its features are inputs. */
  readonly trainText: boolean;
  readonly recompute: boolean;
  readonly precision: FloatType;
  /** Of a clip; omitted: those of the preset. */
  readonly frames?: number;
  /** Whether clips are mixed by MixUp and CutMix; omitted: not. */
  readonly isMixed?: boolean;
}

/** The step with what it works on. */
export interface TrainingStep {
  readonly captured: CapturedStep<[], unknown>;
  /** The same model's forward pass alone, its logits. */
  readonly forward: CapturedStep<[], unknown>;
  readonly optimizer: RunStep['optimizer'];
  readonly model: VideoModel;
  readonly inputs: readonly MicroBatch[];
  /**
   * Fills weights, pixels and features with random numbers. Without it they are zero, which no kernel's time depends
   * on.
   */
  randomise(): void;
  dispose(): void;
}

/** Builds a step; nothing runs before its first `captured.run()`. */
export function trainingStep(gpu: Gpu, shape: StepShape): TrainingStep {
  const { system = 'xclip', preset, batch, classes, trainText, recompute, precision, isMixed = false } = shape;
  const sizes = PRESETS[preset];
  const config = { ...sizes, frames: shape.frames ?? sizes.frames };
  const model = createModel(gpu, configFor(system, config), { recompute });
  if (precision === 'f16') halve(model);
  const texts = trainText
    ? textBatch(gpu, randomIds(classes, config.text), config.text.context)
    : { features: zeros(gpu, [classes, config.embedDim], precision) };
  const step = new RunStep(gpu, {
    model,
    texts,
    train: { batch, accumulation: 1, labelSmoothing: 0.1, tune: trainText ? 'both' : 'visual',
      ...(isMixed ? { mixup: 0.8, cutmix: 1, mixSwitch: 0.5 } : { mixup: 0, cutmix: 0, mixSwitch: 0 }) },
    optim: { name: 'adamw', groups: 'recipe', weightDecay: 0.001, newPartsLrScale: 10, betas: [0.9, 0.98], eps: 1e-8,
      momentum: 0, nesterov: false, maxGradNorm: null },
  });
  for (const { pixels } of step.inputs) gpu.clear(pixels);
  const captured = gpu.capture(() => recordStep(step.optimizer, 1, (micro) => step.loss(micro)));
  const forward = gpu.capture(() => noGrad(() => model.forward(step.inputs[0].pixels, texts)));
  return {
    captured,
    forward,
    optimizer: step.optimizer,
    model,
    inputs: step.inputs,
    randomise() {
      initialise(model, 1);
      step.optimizer.schedule(step.optimizer.groups.map(({ lrScale }) => lrScale * 1e-5));
      for (const tensor of [step.inputs[0].pixels, ...('features' in texts ? [texts.features] : [])]) fill(tensor);
    },
    dispose() {
      captured.dispose();
      forward.dispose();
      step.dispose();
      model.dispose();
      if ('features' in texts) texts.features.dispose();
      else texts[Symbol.dispose]();
    },
  };
}

/** Operations of the forward pass and of the whole step, as their kernels count them. */
export function stepFlops(gpu: Gpu, shape: StepShape): { readonly forward: number; readonly step: number } {
  const of = (pass: 'forward' | 'captured') => 2 * estimate(gpu, () => trainingStep(gpu, shape)[pass].run()).macs;
  return { forward: of('forward'), step: of('captured') };
}

function zeros(gpu: Gpu, shape: Shape, type: FloatType): Tensor {
  const tensor = gpu.keep(Tensor.empty(gpu, shape, type, 'text features') as Tensor);
  gpu.clear(tensor);
  return tensor;
}

/** Uniform numbers in [−1, 1). */
function fill(tensor: Tensor): void {
  const random = new Random(1, tensor.label);
  tensor.write(Float32Array.from({ length: tensor.size }, () => 2 * random.next() - 1));
}

/** Texts of random tokens, each ended by the largest one. */
function randomIds(count: number,
  { context, vocab }: { readonly context: number; readonly vocab: number }): Int32Array {
  const random = new Random(1, 'tokens');
  return Int32Array.from({ length: count * context },
    (_, i) => (i % context === context - 1 ? vocab - 1 : random.below(vocab - 1)));
}
