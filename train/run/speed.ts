/** How fast an adapter trains a model, from a few seconds of its work. */
import { backward, estimate, type FloatType, type Gpu, halve, noGrad, sizeOf, Tensor } from '../../engine/index.ts';
import { type ModelConfig, resized, withOneBlock } from '../../model/systems/config.ts';
import { createModel } from '../../model/systems/index.ts';
import type { VideoModel } from '../../model/systems/system.ts';

export interface Speed {
  /** Multiply-adds a second, of forward pass and gradients. */
  readonly macsPerSecond: number;
  /** What was measured: a block of the vision tower, forward and backward. */
  readonly clips: number;
  readonly frames: number;
  /** Of a frame: places of its map, where the model has no tokens. */
  readonly tokens: number;
  /** Of one launch. */
  readonly seconds: number;
}

/** Multiply-adds of the forward pass that a software adapter does in a second or so: then fewer frames are measured. */
const SOFTWARE_MACS = 2e9;
/** Nanoseconds that the launches on a card last at least. */
const LEAST = { software: 1, hardware: 1e9 } as const;

export interface SpeedOptions {
  readonly precision: FloatType;
  /** Clips of a micro-batch. */
  readonly batch: number;
}

/** Measures a block of the vision tower, nearly all of whose work is in such blocks. Takes seconds on any adapter. */
export async function measureSpeed(gpu: Gpu, model: ModelConfig, { precision, batch }: SpeedOptions): Promise<Speed> {
  const isSlow = gpu.kind === 'software';
  const forward = (frames: number) => macsOf(gpu, model, frames, (block, x) => void noGrad(() => block(x)));
  const frames = isSlow ? Math.min(model.frames, Math.max(1, Math.floor(SOFTWARE_MACS / forward(1)))) : model.frames;
  const clips = isSlow ? 1 : batch;
  using built = oneBlock(gpu, model, frames);
  if (precision === 'f16') halve(built);
  const shape = built.blockShape(clips, frames);
  // no kernel's time depends on what the numbers are
  using x = gpu.keep(Tensor.empty(gpu, shape, precision, 'tokens') as Tensor);
  gpu.clear(x);
  x.requiresGrad = true;
  const work = () => bothWays((tokens) => built.block(tokens), x);
  gpu.scope(work); // gradients are there, and added to, from now on
  const { nanoseconds } = await gpu.stretch(work, { least: LEAST[gpu.kind] });
  x.grad?.dispose();
  const seconds = nanoseconds / 1e9;
  const macs = clips * macsOf(gpu, model, frames, (block, tokens) => {
    tokens.requiresGrad = true;
    bothWays(block, tokens);
  });
  const tokens = Math.round(sizeOf(shape.slice(0, -1)) / (clips * frames));
  return { macsPerSecond: macs / seconds, clips, frames, tokens, seconds };
}

/** Forward and backward; what the block makes stands for the gradient of it, whose shape it has. */
function bothWays(block: (x: Tensor) => Tensor, x: Tensor): void {
  const y = block(x);
  backward(y, y.detach());
}

/** A model with one block. */
function oneBlock(gpu: Gpu, model: ModelConfig, frames: number): VideoModel {
  return createModel(gpu, resized(withOneBlock(model), { frames }));
}

/** Multiply-adds of some work with the block of a clip's tokens. */
function macsOf(gpu: Gpu, model: ModelConfig, frames: number,
  work: (block: (x: Tensor) => Tensor, tokens: Tensor) => void): number {
  return estimate(gpu, () => {
    const built = oneBlock(gpu, model, frames);
    gpu.scope(() => {
      work((x) => built.block(x), Tensor.empty(gpu, built.blockShape(1, frames), 'f32', 'tokens') as Tensor);
    });
  }).macs;
}
