import { backward, type CapturedStep, type FloatType, type Gpu, halve, type Module, parameterCount, Random, Tensor } from '../engine/index.ts';
import { crossEntropyWithLabels } from '../kernels/cross_entropy/index.ts';
import { PRESETS } from '../model/config.ts';
import { textBatch } from '../model/text.ts';
import { Xclip } from '../model/xclip.ts';
import { AdamW, fixText, recipeGroups } from '../train/optimizer.ts';

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
  readonly model: Module;
  readonly parameters: number;
  readonly run: () => Tensor;
  readonly captured: CapturedStep<[], Tensor>;
  dispose(): void;
}

/** Builds a step; nothing runs before its first `captured.run()`. Weights are zero unless somebody initialises them: no kernel's time depends on them. */
export function trainingStep(gpu: Gpu, { preset, batch, classes, trainText, recompute, precision }: StepShape): TrainingStep {
  const config = PRESETS[preset];
  const { imageSize } = config.vision;
  const model = new Xclip(gpu, config, { recompute });
  if (precision === 'f16') halve(model);
  if (!trainText) fixText(model);
  const optimizer = new AdamW(gpu, recipeGroups(model, { weightDecay: 0.001, newPartsLrScale: 10 }), { beta1: 0.9, beta2: 0.98, eps: 1e-8, maxNorm: 0 });
  const pixels = gpu.keep(Tensor.empty(gpu, [batch, config.frames, 3, imageSize, imageSize], precision, 'pixels'));
  gpu.clear(pixels);
  const labels = gpu.keep(Tensor.from(gpu, Uint32Array.from({ length: batch }, (_, i) => i % classes), [batch], 'labels'));
  const texts = trainText ? textBatch(gpu, randomIds(classes, config.text), config.text.context) : { features: gpu.keep(Tensor.empty(gpu, [classes, config.embedDim], precision, 'text features')) };
  if ('features' in texts) gpu.clear(texts.features);
  const run = () => {
    optimizer.zeroGrad();
    const loss = crossEntropyWithLabels(model.forward(pixels, texts), labels, 0.1);
    backward(loss, optimizer.lossScale);
    optimizer.step();
    return loss.detach();
  };
  const captured = gpu.capture(run);
  return {
    model, run, captured,
    parameters: parameterCount(model),
    dispose() {
      captured.dispose();
      optimizer.dispose();
      model.dispose();
      pixels.dispose();
      labels.dispose();
      if ('features' in texts) texts.features.dispose();
      else texts[Symbol.dispose]();
    },
  };
}

/** Texts of random tokens, each ended by the largest one. */
function randomIds(count: number, { context, vocab }: { readonly context: number; readonly vocab: number }): Int32Array {
  const random = new Random(1, 'tokens');
  return Int32Array.from({ length: count * context }, (_, i) => (i % context === context - 1 ? vocab - 1 : random.below(vocab - 1)));
}
