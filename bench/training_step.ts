import { type CapturedStep, estimate, type FloatType, type Gpu, halve, noGrad, Random, type Shape,
  Tensor } from '../engine/index.ts';
import { configFor, isNetworkName, type ModelConfig, networkFor, PRESETS, type SystemName, textConfigOf,
  textWidthOf } from '../model/systems/config.ts';
import { initialise } from '../model/parts/init.ts';
import { textBatch } from '../model/parts/text.ts';
import { createModel } from '../model/systems/index.ts';
import type { Compared, VideoModel } from '../model/systems/system.ts';
import { type MicroBatch, RunStep } from '../train/recipe/step.ts';
import { recordStep } from '../train/recipe/stage.ts';

/** Systems of which steps are measured: some compare with texts, the others have a head. */
export const STEP_SYSTEMS = ['xclip', 'clip-mean', 'clip-joint', 'tsm', 'tsn', 'timesformer', 'timesformer-joint',
  'timesformer-space', 'video-swin', 'videomae', 'coswin'] as const satisfies readonly SystemName[];

/** A training step of a system on random numbers, as the recipe has it. */
export interface StepShape {
  /** Omitted: X-CLIP. */
  readonly system?: (typeof STEP_SYSTEMS)[number];
  readonly preset: string;
  /** Clips. */
  readonly batch: number;
  /** Texts that each clip is compared with, or rows of a head. */
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
  /** Records its loss. */
  readonly loss: () => Tensor;
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
  const { system = 'xclip', preset, batch, trainText, recompute, precision, isMixed = false } = shape;
  const config = configOf(system, preset, shape);
  const model = createModel(gpu, config, { recompute });
  if (precision === 'f16') halve(model);
  const texts = textsOf(gpu, config, shape);
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
    loss: () => step.loss(0),
    optimizer: step.optimizer,
    model,
    inputs: step.inputs,
    randomise() {
      initialise(model, 1);
      step.optimizer.schedule(step.optimizer.groups.map(({ lrScale }) => lrScale * 1e-5));
      for (const tensor of [step.inputs[0].pixels,
        ...(texts !== undefined && 'features' in texts ? [texts.features] : [])]) fill(tensor);
    },
    dispose() {
      captured.dispose();
      forward.dispose();
      step.dispose();
      model.dispose();
      if (texts === undefined) return;
      if ('features' in texts) texts.features.dispose();
      else texts[Symbol.dispose]();
    },
  };
}

/** Frames of a clip where nothing says them: as it was published, or 8. */
const FRAMES: Readonly<Partial<Record<SystemName, number>>> = { 'video-swin': 32, videomae: 16, coswin: 1 };
export const framesOf = (system: SystemName, preset: string): number => preset === 'tiny' ? 8 : FRAMES[system] ?? 8;

function configOf(system: SystemName, preset: string, { classes, frames }: StepShape): ModelConfig {
  if (!isNetworkName(system)) {
    const sizes = PRESETS[preset as keyof typeof PRESETS];
    return configFor(system, { ...sizes, frames: frames ?? sizes.frames });
  }
  const names = Array.from({ length: classes }, (_, k) => `class ${k}`);
  return networkFor(system, preset, { classes: names, imageSize: preset === 'tiny' ? 32 : 224,
    frames: frames ?? framesOf(system, preset) });
}

/** Texts that learn, or their features; nothing of a system with a head. */
function textsOf(gpu: Gpu, config: ModelConfig, { classes, trainText, precision }: StepShape): Compared {
  const [text, width] = [textConfigOf(config), textWidthOf(config)];
  if (text === undefined || width === undefined) return undefined;
  return trainText
    ? textBatch(gpu, randomIds(classes, text), text.context)
    : { features: zeros(gpu, [classes, width], precision) };
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
