import { type Gpu, Tensor } from '../../../engine/index.ts';
import { frames, type FramesOptions, type I420Frame, packFrames, type View } from '../../../kernels/frames/index.ts';

/**
 * Decoded clips → the model's input: cropped, resized, normalised on the GPU.
 *
 * @param batch B views, and the T frames of each one after another  @returns [B, T, 3, size, size]
 */
export function pixelsOf(gpu: Gpu, batch: { readonly frames: readonly I420Frame[]; readonly views: readonly View[] },
  options: FramesOptions): Tensor {
  const clips = batch.views.length;
  const perClip = batch.frames.length / clips;
  const { words, table } = packFrames(batch.frames,
    batch.views.flatMap((view) => Array.from({ length: perClip }, () => view)));
  return gpu.scope(() => {
    const packed = Tensor.from(gpu, words, [words.length], 'I420 frames');
    const rows = Tensor.from(gpu, table, [batch.frames.length, table.length / batch.frames.length], 'table of frames');
    return frames(packed, rows, options).reshape([clips, perClip, 3, options.size, options.size]);
  });
}
