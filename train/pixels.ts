import { type Gpu, Tensor } from '../engine/index.ts';
import { frames, type FramesOptions, packFrames } from '../kernels/frames/index.ts';
import type { Batch } from './data/dataset.ts';

/**
 * Decoded clips → the model's input: cropped, resized, normalised on the GPU.
 *
 * @param batch B clips of T frames each  @returns [B, T, 3, size, size]
 */
export function pixelsOf(gpu: Gpu, batch: Pick<Batch, 'frames' | 'views'>, options: FramesOptions): Tensor {
  const clips = batch.views.length;
  const perClip = batch.frames.length / clips;
  const { words, table } = packFrames(batch.frames, batch.views.flatMap((view) => Array.from({ length: perClip }, () => view)));
  return gpu.scope(() => {
    const packed = Tensor.from(gpu, words, [words.length], 'I420 frames');
    const rows = Tensor.from(gpu, table, [batch.frames.length, table.length / batch.frames.length], 'table of frames');
    return frames(packed, rows, options).reshape([clips, perClip, 3, options.size, options.size]);
  });
}
