/** How fast an adapter trains a model, from a few seconds of its work. */
import { backward, type FloatType, type Gpu, halve, Tensor } from '../../engine/index.ts';
import type { XclipConfig } from '../../model/config.ts';
import { frameBlockFlops, pictureBlockFlops, trainingFactor } from '../../model/cost.ts';
import { VisionEncoder } from '../../model/vision.ts';

export interface Speed {
  /** Multiply-adds a second, gradients counted as in `trainingFactor`. */
  readonly macsPerSecond: number;
  /** What was measured: a block of the vision tower, forward and backward. */
  readonly clips: number;
  readonly frames: number;
  readonly tokens: number;
  /** Of one launch. */
  readonly seconds: number;
}

/** Multiply-adds of the forward pass that a software adapter does in a second or so: then fewer frames are measured. */
const SOFTWARE_MACS = 2e9;
/** Nanoseconds that the launches on a card last at least. */
const LEAST = { software: 1, hardware: 1e9 } as const;

export interface SpeedOptions {
  readonly system: 'xclip' | 'clip-mean';
  readonly precision: FloatType;
  /** Clips of a micro-batch. */
  readonly batch: number;
}

/** Measures a block of the vision tower, nearly all of whose work is in such blocks. Takes seconds on any adapter. */
export async function measureSpeed(gpu: Gpu, model: XclipConfig,
  { system, precision, batch }: SpeedOptions): Promise<Speed> {
  const isXclip = system === 'xclip';
  const macsOf = (frames: number) =>
    frames * (isXclip ? frameBlockFlops({ ...model, frames }) : pictureBlockFlops(model)) / 2;
  const isSlow = gpu.kind === 'software';
  const frames = isSlow ? Math.min(model.frames, Math.max(1, Math.floor(SOFTWARE_MACS / macsOf(1)))) : model.frames;
  const clips = isSlow ? 1 : batch;
  using tower = new VisionEncoder(gpu, { ...model, vision: { ...model.vision, layers: 1 } }, isXclip ? { frames } : {});
  if (precision === 'f16') halve(tower);
  const [block] = tower.transformer.blocks;
  const [tokens, width] = tower.positionalEmbedding.shape;
  // no kernel's time depends on what the numbers are
  using x = gpu.keep(Tensor.empty(gpu, [clips * frames, tokens, width], precision, 'tokens') as Tensor);
  gpu.clear(x);
  x.requiresGrad = true;
  const work = () => backward(block.forward(x, 'block', {}), x);
  gpu.scope(work); // gradients are there, and added to, from now on
  const { nanoseconds } = await gpu.stretch(work, { least: LEAST[gpu.kind] });
  x.grad?.dispose();
  const seconds = nanoseconds / 1e9;
  return { macsPerSecond: trainingFactor(false) * clips * macsOf(frames) / seconds, clips, frames, tokens, seconds };
}
